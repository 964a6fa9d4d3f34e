package devserver

import (
	"fmt"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

const (
	clusterName = "active"
	storeName   = "sqlite"
	disabled    = "disabled"

	// queueRPS is how often a second each task queue of history is read. At
	// Temporal's 20 every step of a workflow waits up to 50 ms.
	queueRPS = 1000
	// requestRPS is a limit that nobody meets on one machine.
	requestRPS = 100_000
	// longPoll is how long a client that waits for a result waits at most
	// before it asks again. Temporal now and then loses the notice that a
	// workflow has closed, and then this is how late the result comes.
	longPoll = 500 * time.Millisecond
)

// developmentSettings suit one impatient developer, or a test, on one machine.
func developmentSettings() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		dynamicconfig.TransferProcessorMaxPollRPS.Key():       queueRPS,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():          queueRPS,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key():     queueRPS,
		dynamicconfig.OutboundProcessorMaxPollRPS.Key():       queueRPS,
		dynamicconfig.HistoryLongPollExpirationInterval.Key(): longPoll,

		dynamicconfig.FrontendRPS.Key():                                                        requestRPS,
		dynamicconfig.FrontendMaxNamespaceRPSPerInstance.Key():                                 requestRPS,
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key():                       requestRPS,
		dynamicconfig.FrontendNamespaceReplicationInducingAPIsRPS.Key():                        requestRPS,
		dynamicconfig.FrontendMaxNamespaceNamespaceReplicationInducingAPIsRPSPerInstance.Key(): requestRPS,
		dynamicconfig.FrontendMaxConcurrentLongRunningRequestsPerInstance.Key():                requestRPS,
		dynamicconfig.HistoryRPS.Key():                                                         requestRPS,
		dynamicconfig.MatchingRPS.Key():                                                        requestRPS,

		// One partition: tasks come in order, and rates are not divided.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,

		// A worker that stops is handed no task any more.
		dynamicconfig.EnableCancelWorkerPollsOnShutdown.Key(): true,

		// Temporal never stops the workers behind these, which would go on
		// asking a server that is gone. They tidy up large clusters; parents
		// with many children are closed without them, only not in the
		// background.
		dynamicconfig.TaskQueueScannerEnabled.Key():       false,
		dynamicconfig.HistoryScannerEnabled.Key():         false,
		dynamicconfig.EnableParentClosePolicyWorker.Key(): false,

		// Nothing talks to the outside.
		dynamicconfig.EnableServerVersionCheck.Key(): false,
	}
}

// newTemporalServer builds the server, which opens its listeners. What it
// deems fatal while it does so becomes an error.
func newTemporalServer(p ports, d *database, c *connections, h *httpAPI, options Options, logger *logger) (_ temporal.Server, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *fatalError:
			err = r
		default:
			panic(r)
		}
	}()
	settings := developmentSettings()
	settings[dynamicconfig.FrontendHTTPAllowedHosts.Key()] = []string{h.host}
	for key, value := range options.DynamicConfig {
		settings[dynamicconfig.MakeKey(key)] = value
	}
	server, err := temporal.NewServer(
		temporal.WithConfig(serverConfig(p, d)),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(p.hosts()),
		temporal.WithDynamicConfigClient(settings),
		temporal.WithClientFactoryProvider(c),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("build the Temporal server: %w", err)
	}
	return server, nil
}

func serverConfig(p ports, d *database) *config.Config {
	return &config.Config{
		Global: config.Global{Membership: config.Membership{
			MaxJoinDuration:  30 * time.Second,
			BroadcastAddress: loopback.String(),
		}},
		Persistence: config.Persistence{
			DefaultStore:     storeName,
			VisibilityStore:  storeName,
			NumHistoryShards: 1,
			DataStores:       map[string]config.DataStore{storeName: {SQL: d.sql}},
		},
		ClusterMetadata:     clusterMetadata(p),
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			string(primitives.FrontendService): {RPC: config.RPC{
				GRPCPort: p.grpc.port, HTTPPort: p.behindHTTP.port, BindOnIP: p.grpc.ip.String(),
			}},
			string(primitives.HistoryService):  internalService(p.history),
			string(primitives.MatchingService): internalService(p.matching),
			string(primitives.WorkerService):   internalService(p.worker),
		},
		PublicClient: config.PublicClient{HostPort: p.grpc.dialAddress()},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: disabled},
			Visibility: config.VisibilityArchival{State: disabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: disabled},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: disabled},
		}},
	}
}

func clusterMetadata(p ports) *cluster.Config {
	return &cluster.Config{
		FailoverVersionIncrement: 10,
		MasterClusterName:        clusterName,
		CurrentClusterName:       clusterName,
		ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
			Enabled:                true,
			InitialFailoverVersion: 1,
			RPCAddress:             p.grpc.dialAddress(),
			HTTPAddress:            p.behindHTTP.dialAddress(),
		}},
	}
}

func internalService(e endpoint) config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: e.port, BindOnIP: e.ip.String()}}
}

// hosts tells every service where the others are, in place of a membership
// protocol with listeners of its own.
func (p ports) hosts() map[primitives.ServiceName]static.Hosts {
	return map[primitives.ServiceName]static.Hosts{
		primitives.FrontendService: static.SingleLocalHost(p.grpc.dialAddress()),
		primitives.HistoryService:  static.SingleLocalHost(p.history.dialAddress()),
		primitives.MatchingService: static.SingleLocalHost(p.matching.dialAddress()),
		primitives.WorkerService:   static.SingleLocalHost(p.worker.dialAddress()),
	}
}
