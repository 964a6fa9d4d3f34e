// Package port says that an address is taken, in one way for all that latchkey-dev starts.
package port

import "fmt"

// InUseError says that an address that was asked for is taken.
type InUseError struct {
	// Address is the address that was asked for.
	Address string
	// What would have listened there.
	What string
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("%s cannot listen on %s: the port is in use; stop the program that holds it or choose another address", e.What, e.Address)
}
