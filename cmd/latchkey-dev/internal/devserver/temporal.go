package devserver

import (
	"fmt"
	"net/netip"
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

// startTemporal builds and starts Temporal's four services, which open listeners of their own.
func (s *Server) startTemporal(options Options) error {
	store, err := openDatabase(options)
	if err != nil {
		return err
	}
	if options.DatabaseFile != "" {
		s.onStop(func() error { return closeDatabase(store) })
	}
	connections := newConnections()
	s.onStop(connections.close)
	server, err := s.newTemporal(options, store, connections)
	if err != nil {
		return fmt.Errorf("build the Temporal server: %w", err)
	}
	s.log.phase.Store(phaseStarting)
	started := make(chan error, 1)
	go func() { started <- server.Start() }()
	select {
	case err = <-started:
		s.onStop(server.Stop)
	case err = <-s.log.fatal: // the start hangs from here on, and so would a stop
	}
	if err != nil {
		return fmt.Errorf("start the Temporal services: %w", err)
	}
	return nil
}

// newTemporal makes an error of what the server deems fatal while it is built.
func (s *Server) newTemporal(options Options, store *config.SQL, connections *connections) (_ temporal.Server, err error) {
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
	settings[dynamicconfig.FrontendHTTPAllowedHosts.Key()] = []string{s.httpHost}
	for key, value := range options.DynamicConfig {
		settings[dynamicconfig.MakeKey(key)] = value
	}
	return temporal.NewServer(
		temporal.WithConfig(serverConfig(s.ports, store)),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(s.ports.hosts()),
		temporal.WithDynamicConfigClient(settings),
		temporal.WithClientFactoryProvider(connections),
		temporal.WithLogger(newLogger(options.Logger, s.log)),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
	)
}

func serverConfig(p ports, store *config.SQL) *config.Config {
	return &config.Config{
		Global: config.Global{Membership: config.Membership{
			MaxJoinDuration:  30 * time.Second,
			BroadcastAddress: loopback.String(),
		}},
		Persistence: config.Persistence{
			DefaultStore:     storeName,
			VisibilityStore:  storeName,
			NumHistoryShards: 1,
			DataStores:       map[string]config.DataStore{storeName: {SQL: store}},
		},
		ClusterMetadata:     clusterMetadata(p),
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			string(primitives.FrontendService): service(p.grpc, p.behindHTTP.Port()),
			string(primitives.HistoryService):  service(p.history, 0),
			string(primitives.MatchingService): service(p.matching, 0),
			string(primitives.WorkerService):   service(p.worker, 0),
		},
		PublicClient: config.PublicClient{HostPort: reachable(p.grpc)},
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
			RPCAddress:             reachable(p.grpc),
			HTTPAddress:            reachable(p.behindHTTP),
		}},
	}
}

func service(grpc netip.AddrPort, httpPort uint16) config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: int(grpc.Port()), HTTPPort: int(httpPort), BindOnIP: grpc.Addr().String()}}
}

// hosts tells every service where the others are, in place of a membership
// protocol with listeners of its own.
func (p ports) hosts() map[primitives.ServiceName]static.Hosts {
	return map[primitives.ServiceName]static.Hosts{
		primitives.FrontendService: static.SingleLocalHost(reachable(p.grpc)),
		primitives.HistoryService:  static.SingleLocalHost(reachable(p.history)),
		primitives.MatchingService: static.SingleLocalHost(reachable(p.matching)),
		primitives.WorkerService:   static.SingleLocalHost(reachable(p.worker)),
	}
}
