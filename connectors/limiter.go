package connectors

import (
	"context"
	"math"

	"golang.org/x/time/rate"
)

// Limiter bounds the requests of one connection, whatever their protocol.
type Limiter interface {
	// Wait returns once a request may be sent, or fails when none may be within the context.
	Wait(ctx context.Context) error
}

// NewLimiter lets requestsPerSecond through; zero or less is no bound.
func NewLimiter(requestsPerSecond float64) Limiter {
	if requestsPerSecond <= 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	// Few at once, since a provider counts within windows of its own, and a burst before a
	// second of the full rate would be beyond its limit.
	burst := int(math.Ceil(min(requestsPerSecond, 1000) / 10))
	return rate.NewLimiter(rate.Limit(requestsPerSecond), burst)
}
