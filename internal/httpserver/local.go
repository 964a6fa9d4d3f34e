package httpserver

import (
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Local keeps web pages away from a handler that asks for no credentials: a page of any site
// can make its reader's browser send requests to this machine, and can have its own name
// point here. So the host that is asked for must be this machine or one of the names, and a
// request that changes something must not come from another site's page.
func Local(handler http.Handler, names ...string) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "a page of another site must not change anything here", http.StatusForbidden)
	}))
	protected := protection.Handler(handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r, names) {
			http.Error(w, fmt.Sprintf("%q is no name of this machine: ask for 127.0.0.1 or localhost, or have the name allowed where this is started", r.Host), http.StatusForbidden)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// isLocal reports whether the host that is asked for is this machine.
func isLocal(r *http.Request, names []string) bool {
	host := strings.ToLower(strings.TrimSuffix((&url.URL{Host: r.Host}).Hostname(), "."))
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return host == "localhost" || slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, host) })
	case ip.IsLoopback() || slices.Contains(names, host):
		return true
	default:
		// Who listens beyond this machine wants to be asked by address, and an address cannot
		// be made to point elsewhere.
		return !arrivedOnLoopback(r)
	}
}

func arrivedOnLoopback(r *http.Request) bool {
	address, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return address == nil || address.IP.IsLoopback()
}

// JSONOnly refuses what would change something and is not JSON: what a browser sends to
// another site without asking it first is never JSON.
func JSONOnly(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !IsJSON(r) {
			http.Error(w, "send JSON, with the header Content-Type: application/json", http.StatusUnsupportedMediaType)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// IsJSON reports whether a request is JSON, has no body, or changes nothing.
func IsJSON(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	types := r.Header.Values("Content-Type")
	if len(types) == 0 {
		return r.ContentLength == 0
	}
	kind, _, err := mime.ParseMediaType(types[0])
	return len(types) == 1 && err == nil && kind == "application/json"
}
