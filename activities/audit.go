package activities

// AuditMessage is the message of every audit line. Whatever the level of the log, lines with
// it are written.
const AuditMessage = "audit"

// AuditStep is what an audit line is about.
type AuditStep string

// The steps.
const (
	// AuditUnlock: what was decided at the last moment, and what was sent.
	AuditUnlock AuditStep = "unlock"
	// AuditApproval: somebody approved or denied.
	AuditApproval AuditStep = "approval"
	// AuditResult: how a run ended.
	AuditResult AuditStep = "result"
	// AuditBulkCommand: an operator told a run over many users what to do.
	AuditBulkCommand AuditStep = "bulk command"
	// AuditBulkResult: how a run over many users ended.
	AuditBulkResult AuditStep = "bulk result"
)

// AuditEvent is one line of the audit log. Every line has all of its fields but those of Bulk,
// which only a run over many users has.
type AuditEvent struct {
	Step       AuditStep
	WorkflowID string
	RunID      string
	Connection string
	Provider   string
	UserID     string
	// Decision is the guard's, an approver's or an operator's, or how a run ended; Code and
	// Explanation say why.
	Decision    string
	Code        string
	Explanation string
	UnlockSent  string
	// ProviderRequestID is the provider's own identifier of the unlock.
	ProviderRequestID string
	// Failure is the type of the failure of an attempt after which something may have been sent.
	Failure       string
	RequestedBy   string
	RequestReason string
	// Approver answered, or had approved; ApproverReason is why.
	Approver       string
	ApproverReason string
	// Bulk is of a run over many users.
	Bulk *AuditCounts
}

// AuditCounts are what a run over many users has done so far.
type AuditCounts struct {
	Found  int
	Counts map[string]int
	Codes  map[string]int
}

// Write writes the event with the logger's method, such as zap's Infow or the SDK's Info.
func (e AuditEvent) Write(info func(message string, keysAndValues ...any)) {
	line := []any{
		"step", string(e.Step),
		"workflowId", e.WorkflowID,
		"runId", e.RunID,
		"connection", e.Connection,
		"provider", e.Provider,
		"userId", e.UserID,
		"decision", e.Decision,
		"code", e.Code,
		"explanation", e.Explanation,
		"unlockSent", e.UnlockSent,
		"providerRequestId", e.ProviderRequestID,
		"failure", e.Failure,
		"requestedBy", e.RequestedBy,
		"requestReason", e.RequestReason,
		"approver", e.Approver,
		"approverReason", e.ApproverReason,
	}
	if e.Bulk != nil {
		line = append(line, "found", e.Bulk.Found, "counts", e.Bulk.Counts, "codes", e.Bulk.Codes)
	}
	info(AuditMessage, line...)
}
