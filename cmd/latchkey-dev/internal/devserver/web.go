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

// webServer serves HTTP until it is stopped.
type webServer struct {
	http   *http.Server
	served chan error
}

// serveWeb serves on the listener, which it owns from then on.
func serveWeb(listener net.Listener, handler http.Handler) *webServer {
	w := &webServer{http: httpserver.New(handler), served: make(chan error, 1)}
	w.http.ErrorLog = stdlog.New(io.Discard, "", 0)
	go func() { w.served <- w.http.Serve(listener) }()
	return w
}

// stop ends the server and says if it had ended by itself.
func (w *webServer) stop(what string) error {
	ctx, cancel := context.WithTimeout(context.Background(), webStopTimeout)
	defer cancel()
	if w.http.Shutdown(ctx) != nil {
		_ = w.http.Close() // somebody still reads: cut them off
	}
	if err := <-w.served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", what, err)
	}
	return nil
}
