package devserver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"go.temporal.io/server/common/testing/freeport"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/port"
)

const (
	whatGRPC = "the Temporal server"
	whatHTTP = "Temporal's HTTP API"
	whatUI   = "the Temporal UI"
)

// loopback is where listens whatever is not told otherwise.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// endpoint is an address to listen on.
type endpoint struct {
	what string
	ip   netip.Addr
	port int // 0 until one is picked
}

// addresses are the endpoints that a caller asked for.
type addresses struct {
	grpc, http endpoint
	ui         *endpoint // nil without a UI
}

// listeners are those that are open before the server boots; what a boot leaves is closed.
type listeners struct{ http, ui closableListener }

func (l *listeners) closeUnlessTaken() {
	l.http.closeUnlessTaken()
	l.ui.closeUnlessTaken()
}

// ports are the endpoints of one boot, every port decided. History, matching
// and worker are Temporal's internal services, on loopback always; behindHTTP is
// where Temporal's HTTP API itself listens, on the same host as grpc.
type ports struct {
	addresses
	behindHTTP                endpoint
	history, matching, worker endpoint
}

func parseAddresses(options Options) (addresses, error) {
	var a addresses
	var err error
	if a.grpc, err = parseEndpoint(whatGRPC, options.Address); err != nil {
		return addresses{}, err
	}
	a.http = endpoint{what: whatHTTP, ip: a.grpc.ip}
	if options.HTTPAddress != "" {
		if a.http, err = parseEndpoint(whatHTTP, options.HTTPAddress); err != nil {
			return addresses{}, err
		}
	}
	if options.UIAddress != "" {
		ui, err := parseEndpoint(whatUI, options.UIAddress)
		if err != nil {
			return addresses{}, err
		}
		a.ui = &ui
	}
	return a, nil
}

func parseEndpoint(what, address string) (endpoint, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return endpoint{}, fmt.Errorf("address %q of %s: want host:port: %w", address, what, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return endpoint{}, fmt.Errorf("address %q of %s: want a port from 0 to 65535", address, what)
	}
	ip := loopback
	if host != "" && host != "localhost" {
		if ip, err = netip.ParseAddr(host); err != nil {
			return endpoint{}, fmt.Errorf("address %q of %s: want an IP address or localhost as its host", address, what)
		}
	}
	return endpoint{what: what, ip: ip, port: int(port)}, nil
}

func (e endpoint) String() string {
	return net.JoinHostPort(e.ip.String(), strconv.Itoa(e.port))
}

// dialAddress is the address that reaches the endpoint from this machine.
func (e endpoint) dialAddress() string {
	if e.ip.IsUnspecified() {
		e.ip = loopbackOf(e.ip)
	}
	return e.String()
}

func loopbackOf(ip netip.Addr) netip.Addr {
	if ip.Is6() {
		return netip.IPv6Loopback()
	}
	return loopback
}

// listen binds the endpoint; a taken port is a *port.InUseError.
func (e endpoint) listen() (net.Listener, error) {
	listener, err := net.Listen("tcp", e.String())
	if isAddressInUse(err) {
		return nil, &port.InUseError{Address: e.String(), What: e.what}
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot listen on %s: %w", e.what, e, err)
	}
	return listener, nil
}

// bind listens, and returns the endpoint with the port that it got.
func (e endpoint) bind() (net.Listener, endpoint, error) {
	listener, err := e.listen()
	if err != nil {
		return nil, e, err
	}
	e.port = listener.Addr().(*net.TCPAddr).Port
	return listener, e, nil
}

// picked fills in a free port where none was asked for. A picked port lingers
// in TIME_WAIT, so that the kernel gives it to nobody else before it is used.
func (e endpoint) picked() endpoint {
	if e.port == 0 {
		e.port = freeport.MustGetFreePort()
	}
	return e
}

// claimPorts decides every port and proves that the fixed ones are free. All
// are held at once, so that two equal ones are noticed too. Temporal insists on
// opening its own listeners; the others stay open.
func claimPorts(wanted addresses) (_ ports, open listeners, err error) {
	defer func() {
		if err != nil {
			open.closeUnlessTaken()
		}
	}()
	if wanted.grpc.port != 0 {
		var held net.Listener
		if held, err = wanted.grpc.listen(); err != nil {
			return ports{}, open, err
		}
		defer func() { err = errors.Join(err, held.Close()) }()
	}
	p := ports{addresses: wanted}
	if open.http.Listener, p.http, err = wanted.http.bind(); err != nil {
		return ports{}, open, err
	}
	if wanted.ui != nil {
		p.ui = new(endpoint)
		if open.ui.Listener, *p.ui, err = wanted.ui.bind(); err != nil {
			return ports{}, open, err
		}
	}
	p.grpc = wanted.grpc.picked()
	p.behindHTTP = endpoint{what: whatHTTP, ip: p.grpc.ip}.picked()
	internal := endpoint{what: whatGRPC, ip: loopback}
	p.history, p.matching, p.worker = internal.picked(), internal.picked(), internal.picked()
	return p, open, nil
}

// closableListener is a listener that is closed unless somebody took it.
type closableListener struct{ net.Listener }

func (l *closableListener) take() net.Listener {
	taken := l.Listener
	l.Listener = nil
	return taken
}

func (l *closableListener) closeUnlessTaken() {
	if l.Listener != nil {
		_ = l.Close()
	}
}
