package devserver

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/temporalio/ui-server/v2/server/api"
	"github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/cors"
	"github.com/temporalio/ui-server/v2/server/csrf"
	"github.com/temporalio/ui-server/v2/server/headers"
	"github.com/temporalio/ui-server/v2/server/route"
	"github.com/temporalio/ui-server/v2/ui"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"github.com/latchkey-iam/latchkey/internal/httpserver"
)

// serveUI serves the Temporal UI. It is put together from ui-server's parts,
// because that module's own Server opens the listener itself, ends the process
// when it cannot, keeps its connection to Temporal open for ever, and asks
// GitHub for newer releases.
func (s *Server) serveUI(options Options) error {
	cfg, err := config.NewConfigProviderWithRefresh(&config.Config{
		TemporalGRPCAddress: s.Address(),
		EnableUI:            true,
		DefaultNamespace:    options.Namespace,
		CORS:                config.CORS{CookieInsecure: true}, // plain HTTP on a developer's machine
		HideLogs:            true,
		DisableNewsFetch:    true,
	})
	if err != nil {
		return fmt.Errorf("configure the UI: %w", err)
	}
	conn, err := api.CreateGRPCConnection(cfg)
	if err != nil {
		return fmt.Errorf("connect the UI: %w", err)
	}
	s.onStop(conn.Close)
	handler, err := uiHandler(cfg, conn)
	if err != nil {
		return fmt.Errorf("build the UI: %w", err)
	}
	s.serveWeb("the UI", s.uiListener, httpserver.Local(handler, options.AllowedHosts...))
	return nil
}

func uiHandler(cfg *config.ConfigProviderWithRefresh, conn *grpc.ClientConn) (http.Handler, error) {
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	e.Use(
		middleware.Recover(),
		middleware.Gzip(),
		cors.CORSMiddleware(cors.CORSConfig{
			AllowHeaders:     []string{echo.HeaderOrigin, echo.HeaderContentType, echo.HeaderAccept, echo.HeaderXCSRFToken, "Caller-Type"},
			AllowCredentials: true,
			ConfigProvider:   cfg,
		}),
		middleware.Secure(),
		csrf.EnsureTokenCookie(false),
		middleware.CSRFWithConfig(csrf.MiddlewareConfig(cfg, false)),
	)
	route.SetHealthRoute(e)
	addUIAPI(e.Group("/api/v1"), cfg, conn)
	assets, err := ui.Assets()
	if err != nil {
		return nil, err
	}
	if assets, err = fs.Sub(assets, "local"); err != nil {
		return nil, err
	}
	if err := route.SetUIRoutes(e, "", assets, cfg); err != nil {
		return nil, err
	}
	route.SetRenderRoute(e, "/")
	return e, nil
}

// addUIAPI is route.SetAPIRoutes without the look-up of releases.
func addUIAPI(group *echo.Group, cfg *config.ConfigProviderWithRefresh, conn *grpc.ClientConn) {
	forward := []api.Middleware{headers.WithForwardHeaders([]string{"Caller-Type"})}
	group.GET("/settings", api.GetSettings(cfg))
	group.GET("/ui-extensions", api.GetUIExtensions(cfg, api.TemporalAccessCheck(conn, forward)))
	group.GET(api.WorkflowRawHistoryUrl, api.WorkflowRawHistoryHandler(workflowservice.NewWorkflowServiceClient(conn)))
	group.Any("/*", api.TemporalAPIHandler(cfg, forward, conn))
}
