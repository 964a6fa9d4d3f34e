package devserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"time"

	"github.com/latchkey-iam/latchkey/internal/httpserver"
)

// webStopTimeout is how long requests in flight may take when a server stops.
const webStopTimeout = time.Second

// serveWeb serves on the listener until the server stops. That it ended by itself is an
// error of the stop.
func (s *Server) serveWeb(what string, listener net.Listener, handler http.Handler) {
	server := httpserver.New(handler)
	server.ErrorLog = stdlog.New(io.Discard, "", 0)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	s.onStop(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), webStopTimeout)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close() // somebody still reads: cut them off
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", what, err)
		}
		return nil
	})
}
