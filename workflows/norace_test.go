//go:build !race

package workflows_test

// slowness stretches the times for the race detector, which makes everything slower.
const slowness = 1
