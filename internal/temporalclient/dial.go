// Package temporalclient connects to Temporal as the environment and its profiles say.
package temporalclient

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
)

// dialTimeout bounds the wait for the first answer.
const dialTimeout = 5 * time.Second

// heartbeatInterval is how often a worker tells the server that it is there; it is how
// the connections that are served can be listed.
const heartbeatInterval = 10 * time.Second

// Options are where Temporal is.
type Options struct {
	Address   string
	Namespace string
	raw       client.Options
	keys      *Keys
	serving   bool
}

// Load reads TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the rest of Temporal's own
// variables and profiles, and the keys that payloads are encrypted with.
func Load() (Options, error) {
	raw, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return Options{}, fmt.Errorf("read Temporal's settings (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_PROFILE and so on): %w", err)
	}
	if raw.HostPort == "" {
		raw.HostPort = client.DefaultHostPort
	}
	if raw.Namespace == "" {
		raw.Namespace = client.DefaultNamespace
	}
	keys, err := EnvironmentKeys()
	if err != nil {
		return Options{}, err
	}
	return Options{Address: raw.HostPort, Namespace: raw.Namespace, raw: raw, keys: keys}, nil
}

// At returns the options of a server without credentials, with the environment's keys.
func At(address, namespace string) Options {
	return Options{}.With(address, namespace)
}

// With returns the options with another address and namespace, where these are not empty.
func (o Options) With(address, namespace string) Options {
	if address != "" {
		o.Address, o.raw.HostPort = address, address
	}
	if namespace != "" {
		o.Namespace, o.raw.Namespace = namespace, namespace
	}
	return o
}

// Measured returns the options with a place for what the client and its workers count.
func (o Options) Measured(handler client.MetricsHandler) Options {
	o.raw.MetricsHandler = handler
	return o
}

// WithKeys returns the options with other keys than the environment's.
func (o Options) WithKeys(keys *Keys) Options {
	o.keys = keys
	return o
}

// Serving returns the options of a client that workers will use.
func (o Options) Serving() Options {
	o.serving = true
	return o
}

// Keys are those of the options or, where these have none, of the environment.
func (o Options) Keys() (*Keys, error) {
	if o.keys != nil {
		return o.keys, nil
	}
	return EnvironmentKeys()
}

// Converter reads and writes the payloads of the namespace, as a client that is dialled does.
func (o Options) Converter() (converter.DataConverter, error) {
	keys, err := o.Keys()
	if err != nil {
		return nil, err
	}
	data, _ := Encrypted(keys, o.Namespace)
	return data, nil
}

// UnreachableError says that Temporal did not answer when it was first asked.
type UnreachableError struct {
	Address   string
	Namespace string
	Cause     error
}

// Error implements error.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("Temporal at %s (namespace %s) cannot be reached; set TEMPORAL_ADDRESS, or start one to try with: latchkey-dev: %v",
		e.Address, e.Namespace, e.Cause)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Cause }

// identity is who a client and its workers say that they are. The SDK's default, process and
// host, is the same for two containers that share a host name; when one of them then stops,
// the server takes the other for gone too.
func identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%d@%s@%.8s", os.Getpid(), host, uuid.NewString())
}

// loopback reports whether an address is on this machine.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Dial connects. A server that does not answer within seconds is an *UnreachableError. Without a
// logger the SDK's own log is dropped.
func Dial(ctx context.Context, options Options, logger log.Logger) (client.Client, error) {
	if logger == nil {
		logger = log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	}
	options.raw.Logger = logger
	options.raw.WorkerHeartbeatInterval = heartbeatInterval
	options.raw.Identity = identity()
	keys, err := options.Keys()
	if err != nil {
		return nil, err
	}
	keys.Encrypt(&options.raw, options.Namespace, options.serving)
	if loopback(options.Address) {
		// Compression costs a tenth of the processor time there, and saves nothing.
		options.raw.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	connected, err := client.DialContext(ctx, options.raw)
	if err != nil {
		return nil, &UnreachableError{Address: options.Address, Namespace: options.Namespace, Cause: err}
	}
	return connected, nil
}
