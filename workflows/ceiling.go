package workflows

// KeepCeilingName is the name of the workflow type that counts the unlocks of a connection.
const KeepCeilingName = "KeepCeiling"

// AdmitUpdate asks a ceiling for places; see AdmitRequest.
const AdmitUpdate = "admit"

const (
	// MaxCeiling is the highest ceiling: what was admitted is carried from run to run, and
	// must fit into a payload.
	MaxCeiling = 10_000
	// MaxAsked bounds the places that one update asks for.
	MaxAsked = 100
)

// CeilingID is the workflow ID of the ceiling of a connection: there is one at most.
func CeilingID(connection string) string { return ceilingIDs + connection }

// CeilingInput names the connection whose unlocks are counted.
type CeilingInput struct {
	Connection string `json:"connection"`
	// Admitted is what the run before this one counted, the oldest first.
	Admitted []Admission `json:"admitted,omitempty"`
}

// Admission is an unlock that may have been sent.
type Admission struct {
	// Run is the ID of the run whose unlock it is.
	Run string `json:"run"`
	// At is when it was admitted, in milliseconds since 1970.
	At int64 `json:"at"`
}

// AdmitRequest asks whether each of the runs may send its unlock.
type AdmitRequest struct {
	// Limit is the most unlocks within an hour, as whoever asks is configured.
	Limit int      `json:"limit"`
	Runs  []string `json:"runs"`
}

// AdmitResult says for each of the runs, in their order, whether it was admitted.
type AdmitResult struct {
	Admitted []bool `json:"admitted"`
}

// Normalise reports what is wrong with the input.
func (in *CeilingInput) Normalise() error {
	var found faults
	found.noteConnection(in.Connection)
	return found.join()
}
