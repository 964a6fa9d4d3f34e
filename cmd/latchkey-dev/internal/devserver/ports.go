package devserver

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"go.temporal.io/server/common/testing/freeport"

	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/port"
)

const (
	whatGRPC = "the Temporal server"
	whatHTTP = "Temporal's HTTP API"
	whatUI   = "the Temporal UI"
)

// loopback is where everything listens unless an address says otherwise.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// addresses are those that a caller asked for; ui is invalid where none is wanted.
type addresses struct{ grpc, http, ui netip.AddrPort }

// ports are the addresses of one boot, every port decided. History, matching
// and worker are Temporal's internal services, on loopback always; behindHTTP is
// where Temporal's HTTP API itself listens, on the same host as grpc.
type ports struct {
	addresses
	behindHTTP                netip.AddrPort
	history, matching, worker netip.AddrPort
}

func parseAddresses(options Options) (a addresses, err error) {
	if a.grpc, err = parseAddress(whatGRPC, options.Address); err != nil {
		return a, err
	}
	a.http = netip.AddrPortFrom(a.grpc.Addr(), 0)
	if options.HTTPAddress != "" {
		if a.http, err = parseAddress(whatHTTP, options.HTTPAddress); err != nil {
			return a, err
		}
	}
	if options.UIAddress != "" {
		a.ui, err = parseAddress(whatUI, options.UIAddress)
	}
	return a, err
}

func parseAddress(what, address string) (netip.AddrPort, error) {
	number := address
	if port, local := strings.CutPrefix(strings.TrimPrefix(address, "localhost"), ":"); local {
		number = loopback.String() + ":" + port
	}
	parsed, err := netip.ParseAddrPort(number)
	if err != nil {
		return parsed, fmt.Errorf("address %q of %s: want host:port, with an IP address or localhost and a port from 0 to 65535", address, what)
	}
	return parsed, nil
}

// reachable is the address that reaches a from this machine.
func reachable(a netip.AddrPort) string {
	switch {
	case !a.Addr().IsUnspecified():
		return a.String()
	case a.Addr().Is6():
		return netip.AddrPortFrom(netip.IPv6Loopback(), a.Port()).String()
	default:
		return netip.AddrPortFrom(loopback, a.Port()).String()
	}
}

// listen binds the address; a taken port is a *port.InUseError.
func listen(what string, a netip.AddrPort) (net.Listener, error) {
	listener, err := net.Listen("tcp", a.String())
	if isAddressInUse(err) {
		return nil, &port.InUseError{Address: a.String(), What: what}
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot listen on %s: %w", what, a, err)
	}
	return listener, nil
}

// open listens until the server stops, and notes the port that it got.
func (s *Server) open(what string, a *netip.AddrPort) (net.Listener, error) {
	listener, err := listen(what, *a)
	if err != nil {
		return nil, err
	}
	s.onStop(func() error { _ = listener.Close(); return nil })                    // Whoever served on it may have closed it.
	*a = netip.AddrPortFrom(a.Addr(), uint16(listener.Addr().(*net.TCPAddr).Port)) //nolint:gosec // a port
	return listener, nil
}

// picked fills in a free port where none was asked for. A picked port lingers
// in TIME_WAIT, so that the kernel gives it to nobody else before it is used.
func picked(a netip.AddrPort) netip.AddrPort {
	if a.Port() != 0 {
		return a
	}
	return netip.AddrPortFrom(a.Addr(), uint16(freeport.MustGetFreePort())) //nolint:gosec // a port
}

// claimPorts decides every port and proves that the fixed ones are free. All
// are held at once, so that two equal ones are noticed too. Temporal insists on
// opening its own listeners; the others stay open.
func (s *Server) claimPorts(wanted addresses) (err error) {
	if wanted.grpc.Port() != 0 {
		held, err := listen(whatGRPC, wanted.grpc)
		if err != nil {
			return err
		}
		defer func() { _ = held.Close() }()
	}
	if s.httpListener, err = s.open(whatHTTP, &wanted.http); err != nil {
		return err
	}
	if wanted.ui.IsValid() {
		if s.uiListener, err = s.open(whatUI, &wanted.ui); err != nil {
			return err
		}
	}
	wanted.grpc = picked(wanted.grpc)
	internal := netip.AddrPortFrom(loopback, 0)
	s.ports = ports{
		addresses:  wanted,
		behindHTTP: picked(netip.AddrPortFrom(wanted.grpc.Addr(), 0)),
		history:    picked(internal), matching: picked(internal), worker: picked(internal),
	}
	return nil
}
