package workflows

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.temporal.io/sdk/converter"

	"github.com/latchkey-iam/latchkey/activities"
	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
	"github.com/latchkey-iam/latchkey/internal/suggest"
)

// The types of the guard are public through this package.
type (
	// Guard is what the caller demands of every lock before any is cleared.
	Guard = guard.Guard
	// Duration is a duration that is written as a string such as "15m".
	Duration = guard.Duration
	// RefusalCode says for machines why an unlock was refused.
	RefusalCode = guard.Code
)

// Emit says how much of the user the result holds.
type Emit string

// The values of Emit.
const (
	EmitFull    Emit = "full"
	EmitSummary Emit = activities.EmitSummary
)

// DefaultTimeout is how long UnlockUser tries when its input does not say.
const DefaultTimeout = 15 * time.Minute

// Input is what UnlockUser takes. Connection and exactly one of UserID, Username and
// Email are required.
type Input struct {
	// Connection is the name under which a worker serves the provider.
	Connection string `json:"connection"`
	// UserID is the provider's own identifier of the user.
	UserID   string `json:"userId,omitempty"`
	Username string `json:"username,omitempty"`
	Email    string `json:"email,omitempty"`
	// RequestReason and RequestedBy go to the result and to the workers' audit log.
	RequestReason string `json:"requestReason,omitempty"`
	RequestedBy   string `json:"requestedBy,omitempty"`
	// Guard is demanded of every lock.
	Guard Guard `json:"guard,omitzero"`
	// Override lifts the refusal of accounts that are "suspended" or "disabled", where
	// the connection permits it.
	Override []string `json:"override,omitempty"`
	// EvenIfUnlocked sends the unlock also when no lock was found.
	EvenIfUnlocked bool `json:"evenIfUnlocked,omitempty"`
	// DryRun decides and changes nothing.
	DryRun bool `json:"dryRun,omitempty"`
	// Timeout bounds all attempts together; the default is 15m.
	Timeout Duration `json:"timeout,omitzero"`
	// WatchFor is how long the account is watched for a new lock after the unlock.
	WatchFor Duration `json:"watchFor,omitzero"`
	// Emit leaves the user out of the result when it is "summary"; the default is "full".
	Emit Emit `json:"emit,omitempty"`
	// Approval asks for somebody's approval before the unlock. The connection may demand one
	// all the same, and says who may approve.
	Approval Approval `json:"approval,omitzero"`
	// RequestID becomes the workflow ID, so that a caller that starts twice gets one run; one
	// that failed, or was cancelled or terminated, begins anew when it is asked again.
	RequestID string `json:"requestId,omitempty"`
}

// Approval is what the caller demands of an approval.
type Approval struct {
	Required bool `json:"required,omitempty"`
	// Timeout is how long it is waited for; the default is the connection's. Without Required
	// it is refused, as Approvers is: neither demands an approval by itself.
	Timeout Duration `json:"timeout,omitzero"`
	// Approvers narrows who may approve, with * for any text; the connection's list holds too.
	Approvers []string `json:"approvers,omitempty"`
	// TellParent signals the parent workflow while an approval is waited for; see
	// AwaitingApprovalSignal.
	TellParent bool `json:"tellParent,omitempty"`
}

// Ref returns the reference to the user.
func (in *Input) Ref() connectors.UserRef {
	return connectors.UserRef{ID: in.UserID, Username: in.Username, Email: in.Email}
}

// Bounds of the input.
const (
	MaxTimeout = 30 * 24 * time.Hour
	minTimeout = time.Second
	maxText    = 1024
)

var requestIDShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$`)

// Normalise fills the defaults in, then validates. Its error names every wrong field, and
// never a value that may be personal. The ID stays as it is spelt: only the provider knows
// whether case means something in it.
func (in *Input) Normalise() error {
	if in.Timeout == 0 {
		in.Timeout = Duration(DefaultTimeout)
	}
	if in.Emit == "" {
		in.Emit = EmitFull
	}
	return errors.Join(in.faults()...)
}

func (f *faults) noteConnection(name string) {
	if name == "" {
		f.note(true, "connection", "is missing: give the name under which a worker serves the provider")
	} else if err := ValidateConnection(name); err != nil {
		*f = append(*f, err)
	}
}

func (f *faults) noteRequest(id, reason, by string) {
	f.note(id != "" && !requestIDShape.MatchString(id),
		"requestId", "must be 1 to 200 letters, digits and . _ : / -, beginning with a letter or digit; it is stored in the clear")
	f.note(reserved(id), "requestId", "begins like the IDs of Latchkey's own runs (%s): choose another, such as one that begins with the ticket's", strings.Join(reservedIDs, ", "))
	f.note(len(reason) > maxText, "requestReason", "is longer than %d bytes", maxText)
	f.note(len(by) > maxText, "requestedBy", "is longer than %d bytes", maxText)
	f.note(guard.Invisible(by), "requestedBy", holdsInvisible)
}

// What is said of the name of somebody who asks or answers.
const (
	holdsInvisible  = "holds a control character, or one that cannot be seen: write the name without it"
	namelessRequest = "is missing: an approval is needed, which whoever asks must not give, so say who asks"
)

func (in *Input) faults() []error {
	var found faults
	found.noteConnection(in.Connection)
	if err := in.Ref().Validate(); err != nil {
		found = append(found, err)
	}
	for _, word := range in.Override {
		found.note(word != connectors.BlockSuspended && word != connectors.BlockDisabled,
			"override", "holds an unknown word: use %q and %q", connectors.BlockSuspended, connectors.BlockDisabled)
	}
	found.note(len(in.Override) > maxWords, "override", "may hold %d words at most", maxWords)
	found.note(len(in.Guard.OnlyReasons) > maxWords, "guard.onlyReasons", "may hold %d words at most", maxWords)
	found.note(slices.ContainsFunc(in.Guard.OnlyReasons, unknownReason), "guard.onlyReasons", "holds an unknown word: use failed_sign_in, admin, expired and unknown")
	found.notePatterns("guard", in.Guard.Exclude, in.Guard.Include)
	least, most := in.Guard.MinLockedFor, in.Guard.MaxLockedFor
	found.noteAges("guard", least, most)
	found.note(in.Timeout.Std() < minTimeout || in.Timeout.Std() > MaxTimeout, "timeout", "must be between %s and %s", guard.Round(minTimeout), guard.Round(MaxTimeout))
	found.note(in.WatchFor.Std() < 0 || in.WatchFor.Std() > MaxTimeout, "watchFor", "must be between 0s and %s", guard.Round(MaxTimeout))
	found.note(in.Emit != EmitFull && in.Emit != EmitSummary, "emit", `must be "full" or "summary"`)
	found.note(in.Approval.Timeout != 0 && outside(in.Approval.Timeout), "approval.timeout", "must be between %s and %s", guard.Round(minTimeout), guard.Round(MaxTimeout))
	found.noteAll("approval.approvers", validatePatterns(in.Approval.Approvers))
	found.note(slices.ContainsFunc(in.Approval.Approvers, guard.Invisible), "approval.approvers", holdsInvisible)
	const alone = "demands no approval by itself: require one too, or leave it out"
	found.note(!in.Approval.Required && in.Approval.Timeout != 0, "approval.timeout", alone)
	found.note(!in.Approval.Required && in.Approval.Approvers != nil, "approval.approvers", alone)
	found.note(in.Approval.Required && in.Approval.Approvers != nil && len(in.Approval.Approvers) == 0,
		"approval.approvers", "is empty: name somebody, or leave it out for whoever the connection lets approve")
	found.note(in.Approval.Required && strings.TrimSpace(in.RequestedBy) == "", "requestedBy", namelessRequest)
	found.noteRequest(in.RequestID, in.RequestReason, in.RequestedBy)
	return found
}

// DecodeInput reads an Input strictly: unknown, repeated and wrongly typed fields are
// errors that name the field. It returns the normalised input.
func DecodeInput(raw converter.RawValue) (*Input, error) {
	data, err := jsonOf(raw, "connection and one of userId, username and email")
	if err != nil {
		return nil, err
	}
	return ParseInput(data)
}

// jsonOf returns the JSON of a workflow's input.
func jsonOf(raw converter.RawValue, required string) ([]byte, error) {
	payload := raw.Payload()
	if payload == nil || len(payload.GetData()) == 0 {
		return nil, fmt.Errorf("the input is missing: give one JSON object with %s", required)
	}
	if encoding := string(payload.GetMetadata()[converter.MetadataEncoding]); encoding != converter.MetadataEncodingJSON {
		return nil, errors.New("the input must be a JSON object (payload encoding json/plain)")
	}
	return payload.GetData(), nil
}

// ParseInput reads an Input from JSON, as strictly as DecodeInput.
func ParseInput(data []byte) (*Input, error) {
	var in Input
	if err := decode(data, &in); err != nil {
		return nil, err
	}
	if err := in.Normalise(); err != nil {
		return nil, err
	}
	return &in, nil
}

// decode reads JSON strictly. Its error says what is wrong by the field's name; the
// decoder's own text may repeat values.
func decode(data []byte, into any) error {
	err := json.Unmarshal(data, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return errors.New("the input gives one field twice")
		}
		return errors.New("the input is not one valid JSON object")
	}
	path := pathOf(semantic.JSONPointer)
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return unknownField(semantic.JSONPointer, reflect.TypeOf(into))
	case path == "":
		return errors.New("the input must be one JSON object")
	case semantic.GoType == reflect.TypeFor[Duration]():
		return Fault{Field: path, Message: `must be a duration such as "90s", "15m" or "72h"`}
	default:
		return Fault{Field: path, Message: "has the wrong type: it must be " + describe(semantic.GoType)}
	}
}

// fieldShape is what the names of fields look like. Another, such as a pasted address or
// token, is not repeated: failures are stored in the clear.
var fieldShape = regexp.MustCompile(`^[A-Za-z_]{1,40}$`)

// unknownField names the field that is not known and the known one that it resembles.
func unknownField(at jsontext.Pointer, root reflect.Type) error {
	name, parent := at.LastToken(), pathOf(at.Parent())
	known := fieldNames(typeAt(root, at.Parent()))
	if !fieldShape.MatchString(name) {
		return Fault{Field: parent, Message: "holds a field that is not known, and not shown: the fields are " + strings.Join(known, ", ")}
	}
	fault := Fault{Field: strings.TrimPrefix(parent+"."+name, "."), Message: "is no field: the fields are " + strings.Join(known, ", ")}
	if likely := suggest.Closest(name, known); likely != "" {
		fault.Message = fmt.Sprintf("is no field: did you mean %q?", likely)
	}
	return fault
}

// pathOf writes a pointer as a field's path.
func pathOf(at jsontext.Pointer) string {
	return strings.ReplaceAll(strings.TrimPrefix(string(at), "/"), "/", ".")
}

// typeAt returns the struct that the pointer leads to.
func typeAt(root reflect.Type, pointer jsontext.Pointer) reflect.Type {
	at := element(root)
	for token := range pointer.Tokens() {
		for _, field := range reflect.VisibleFields(at) {
			if jsonName(field) == token {
				at = element(field.Type)
				break
			}
		}
	}
	return at
}

// element is what pointers and arrays hold.
func element(of reflect.Type) reflect.Type {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	return of
}

func fieldNames(of reflect.Type) []string {
	var names []string
	for _, field := range reflect.VisibleFields(of) {
		if !field.Anonymous {
			names = append(names, jsonName(field))
		}
	}
	return names
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

func describe(of reflect.Type) string {
	if of == nil {
		return "something else"
	}
	switch of.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Int:
		return "a whole number"
	case reflect.Pointer:
		return describe(of.Elem())
	case reflect.Slice:
		return "an array of strings"
	default:
		return "an object"
	}
}
