package devserver

import (
	"errors"
	"sync"

	temporalclient "go.temporal.io/server/client"
	"go.temporal.io/server/common"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/testing/testhooks"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// connections are those among the services of one server. Temporal leaves them
// open when it stops, and each would go on dialling a port that by then may be
// another server's.
type connections struct {
	mu   sync.Mutex
	open map[*grpc.ClientConn]struct{}
}

var _ temporalclient.FactoryProvider = (*connections)(nil)

func newConnections() *connections {
	return &connections{open: map[*grpc.ClientConn]struct{}{}}
}

// NewFactory is Temporal's own, with its connections noted.
func (c *connections) NewFactory(
	rpc common.RPCFactory,
	monitor membership.Monitor,
	metrics metrics.Handler,
	settings *dynamicconfig.Collection,
	hooks testhooks.TestHooks,
	shards int32,
	logger, throttled log.Logger,
) temporalclient.Factory {
	noting := &notingRPCFactory{RPCFactory: rpc, connections: c}
	return temporalclient.NewFactoryProvider().NewFactory(noting, monitor, metrics, settings, hooks, shards, logger, throttled)
}

func (c *connections) note(conn *grpc.ClientConn) *grpc.ClientConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[conn] = struct{}{}
	return conn
}

func (c *connections) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for conn := range c.open {
		// Temporal does close some of them.
		if err := conn.Close(); status.Code(err) != codes.Canceled {
			errs = append(errs, err)
		}
	}
	clear(c.open)
	return errors.Join(errs...)
}

// notingRPCFactory notes every connection that it hands out.
type notingRPCFactory struct {
	common.RPCFactory
	connections *connections
}

func (f *notingRPCFactory) CreateRemoteFrontendGRPCConnection(address string) *grpc.ClientConn {
	return f.connections.note(f.RPCFactory.CreateRemoteFrontendGRPCConnection(address))
}

func (f *notingRPCFactory) CreateLocalFrontendGRPCConnection() *grpc.ClientConn {
	return f.connections.note(f.RPCFactory.CreateLocalFrontendGRPCConnection())
}

func (f *notingRPCFactory) CreateHistoryGRPCConnection(address string) *grpc.ClientConn {
	return f.connections.note(f.RPCFactory.CreateHistoryGRPCConnection(address))
}

func (f *notingRPCFactory) CreateMatchingGRPCConnection(address string) *grpc.ClientConn {
	return f.connections.note(f.RPCFactory.CreateMatchingGRPCConnection(address))
}
