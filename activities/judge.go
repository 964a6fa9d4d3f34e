package activities

import (
	"strings"

	"github.com/latchkey-iam/latchkey/activities/guard"
	"github.com/latchkey-iam/latchkey/connectors"
)

// Demands are what whoever asks for an unlock demands of it. The connection's own rules are
// asked beside them, on the worker that serves it, and are handed to no workflow.
type Demands struct {
	Guard          guard.Guard `json:"guard,omitzero"`
	Override       []string    `json:"override,omitempty"`
	EvenIfUnlocked bool        `json:"evenIfUnlocked,omitempty"`
	DryRun         bool        `json:"dryRun,omitempty"`
	RequestedBy    string      `json:"requestedBy,omitempty"`
	// ApprovalRequired asks for an approval whatever the rules say; Approvers narrows who may
	// give one, with * for any text.
	ApprovalRequired bool     `json:"approvalRequired,omitempty"`
	Approvers        []string `json:"approvers,omitempty"`
}

// Approval says that somebody must approve the unlock first.
type Approval struct {
	// Cases say why; see guard.ApprovalCases.
	Cases []string `json:"cases"`
	// Timeout is how long the connection waits for an approval; 0 when it does not say.
	Timeout guard.Duration `json:"timeout,omitzero"`
	// Approvers are who may approve by the connection's rules, with * for any text; empty is
	// anybody. A dry run, which waits for nobody, is not told.
	Approvers []string `json:"approvers,omitempty"`
}

// Approved is what was approved, and by which answer.
type Approved struct {
	// State is the one that whoever approved was shown.
	State connectors.State `json:"state"`
	By    string           `json:"by"`
	// Joined are who else had asked for the same unlock by then.
	Joined []string `json:"joined,omitempty"`
}

// answer is the answer with what says whether it counts.
func (a *Approved) answer(account *connectors.Account, demands Demands, rules guard.Rules) guard.Answer {
	return guard.Answer{By: a.By, RequestedBy: demands.RequestedBy, Joined: a.Joined, Account: account,
		Connection: rules.Approvers, Request: demands.Approvers}
}

// decide asks the guard, whatever was approved.
func (a *Activities) decide(account *connectors.Account, demands Demands, current *attempt) guard.Verdict {
	return guard.Decide(guard.Question{
		Account:        account,
		Guard:          demands.Guard,
		Override:       demands.Override,
		EvenIfUnlocked: demands.EvenIfUnlocked,
		Rules:          a.Rules,
		Now:            current.now(),
	})
}

// cases are why somebody must approve the unlock; none when nobody has to.
func (a *Activities) cases(account *connectors.Account, demands Demands) []string {
	cases := guard.ApprovalFor(a.Rules, account.State)
	if demands.ApprovalRequired {
		cases = append([]string{guard.ApprovalRequested}, cases...)
	}
	return cases
}

// foresee judges an account that was looked up: the approval is there where the unlock has to
// wait for one.
func (a *Activities) foresee(account *connectors.Account, in LookupInput, current *attempt) (guard.Verdict, *Approval) {
	verdict := a.decide(account, in.Demands, current)
	if verdict.Decision != guard.Unlock {
		return verdict, nil
	}
	if in.Approved != nil {
		return a.stillApproved(account, in, verdict), nil
	}
	cases := a.cases(account, in.Demands)
	switch {
	case len(cases) == 0:
		return verdict, nil
	case strings.TrimSpace(in.Demands.RequestedBy) == "":
		return guard.Refusal(guard.CodeRequesterUnknown, "somebody must approve the unlock, whoever asks for it must not, and the request does not say who asks; ask again with requestedBy"), nil
	case in.Demands.DryRun:
		return verdict, &Approval{Cases: cases}
	default:
		return verdict, &Approval{Cases: cases, Timeout: a.Rules.ApprovalTimeout, Approvers: a.Rules.Approvers}
	}
}

// stillApproved keeps to what was approved.
func (a *Activities) stillApproved(account *connectors.Account, in LookupInput, verdict guard.Verdict) guard.Verdict {
	approved := in.Approved
	if account.State.Clear() && !approved.State.Clear() {
		return guard.Verdict{Decision: guard.AlreadyUnlocked, Explanation: "the lock was gone when the account was looked up after the approval"}
	}
	if wrong := approved.answer(account, in.Demands, a.Rules).Fault(); wrong != nil {
		return discounted(wrong)
	}
	if !guard.AsApproved(account.State, approved.State) {
		return changedSince()
	}
	return verdict
}

// judge decides at the moment of the unlock.
func (a *Activities) judge(account *connectors.Account, in UnlockInput, current *attempt) guard.Verdict {
	verdict := a.decide(account, in.Demands, current)
	if verdict.Decision != guard.Unlock {
		return verdict
	}
	if in.Approved == nil {
		if len(a.cases(account, in.Demands)) > 0 {
			return guard.Refusal(guard.CodeApprovalRequired, "the account has changed since it was looked up, and somebody must approve its unlock now; ask again")
		}
		return verdict
	}
	if !guard.AmongApproved(account.State, in.Approved.State) {
		return changedSince()
	}
	if wrong := in.Approved.answer(account, in.Demands, a.Rules).Fault(); wrong != nil {
		return discounted(wrong)
	}
	return verdict
}

// unreadYet is the failure of an early attempt whose refusal rests on what could not be read:
// the provider may answer the next one. Nil where there is no such refusal, or where it is to
// be believed.
func (a *Activities) unreadYet(verdict guard.Verdict, state connectors.State, current *attempt) *connectors.Error {
	kind := connectors.PermissionDenied
	switch {
	case current.number >= believedFrom:
		return nil
	case verdict.Code == guard.CodeGroupsUnknown && !a.HidesGroups:
	case verdict.Code == guard.CodeStateUnknown && len(state.Unread) > 0:
		kind = state.Unread[0].Kind
	default:
		return nil
	}
	failure := &connectors.Error{Kind: kind, Provider: a.Provider, Operation: "look up",
		Message: "what the guard or the rules ask for could not be read: " + verdict.Explanation}
	if !mayPass(failure, current.number) {
		return nil
	}
	return failure
}

func changedSince() guard.Verdict {
	return guard.Refusal(guard.CodeChangedSinceApproval, "the account's locks or flags are not those that were approved; ask again")
}

func discounted(wrong error) guard.Verdict {
	return guard.Refusal(guard.CodeApprovalRequired, "the approval does not count any more: %s; ask again", wrong)
}
