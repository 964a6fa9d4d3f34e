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

// ports are the endpoints of one boot, every port decided. History, matching
// and worker are Temporal's internal services, on loopback always.
type ports struct {
	addresses
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
	if a.http.ip != a.grpc.ip {
		return addresses{}, fmt.Errorf("the HTTP address %s must have the host of the address %s: Temporal serves both on one", a.http, a.grpc)
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

func (a addresses) anyFixed() bool {
	return a.grpc.port != 0 || a.http.port != 0
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

// picked fills in a free port where none was asked for. A picked port lingers
// in TIME_WAIT, so that the kernel gives it to nobody else before it is used.
func (e endpoint) picked() endpoint {
	if e.port == 0 {
		e.port = freeport.MustGetFreePort()
	}
	return e
}

// claimPorts decides every port and proves that the fixed ones are free. All
// are held at once, so that two equal ones are noticed too. Only the UI takes
// a listener that is already open: Temporal insists on opening its own.
func claimPorts(wanted addresses) (_ ports, ui closableListener, err error) {
	var held []net.Listener
	defer func() {
		for _, listener := range held {
			err = errors.Join(err, listener.Close())
		}
		if err != nil {
			ui.closeUnlessTaken()
		}
	}()
	for _, e := range []endpoint{wanted.grpc, wanted.http} {
		if e.port == 0 {
			continue
		}
		listener, err := e.listen()
		if err != nil {
			return ports{}, ui, err
		}
		held = append(held, listener)
	}
	p := ports{addresses: wanted}
	if wanted.ui != nil {
		if ui.Listener, err = wanted.ui.listen(); err != nil {
			return ports{}, ui, err
		}
		bound := *wanted.ui
		bound.port = ui.Addr().(*net.TCPAddr).Port
		p.ui = &bound
	}
	p.grpc, p.http = wanted.grpc.picked(), wanted.http.picked()
	internal := endpoint{what: whatGRPC, ip: loopback}
	p.history, p.matching, p.worker = internal.picked(), internal.picked(), internal.picked()
	return p, ui, nil
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
