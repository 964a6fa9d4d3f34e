package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/latchkey-iam/latchkey/workflows"
)

// Alert is what the playbook takes: somebody cannot sign in.
type Alert struct {
	Connection string `json:"connection"`
	UserID     string `json:"userId,omitempty"`
	Email      string `json:"email,omitempty"`
	// Ticket is why the unlock is asked for.
	Ticket string `json:"ticket"`
	// WatchFor is how long a new lock is watched for after the unlock.
	WatchFor workflows.Duration `json:"watchFor,omitzero"`
}

// Report is what became of it. Code is an outcome, or the type of a failure.
type Report struct {
	UserID string `json:"userId"`
	Code   string `json:"code"`
	Case   string `json:"case,omitempty"`
}

// Case is for people to look at.
type Case struct {
	Ticket  string `json:"ticket"`
	UserID  string `json:"userId"`
	Why     string `json:"why"`
	Details string `json:"details"`
}

// HandleLockout looks an account up, unlocks it, and opens a case when it must not be
// unlocked or was locked anew.
func HandleLockout(ctx workflow.Context, alert Alert) (*Report, error) {
	request := workflows.Input{
		Connection:    alert.Connection,
		UserID:        alert.UserID,
		Email:         alert.Email,
		RequestedBy:   "playbook",
		RequestReason: alert.Ticket,
		Emit:          workflows.EmitSummary,
	}
	// A dry run changes nothing. It turns the address into an ID, by which two playbooks that
	// handle one user meet, and says what stands in the way.
	request.DryRun = true
	found, err := workflows.Unlock(ctx, request)
	if err != nil || found.Outcome != workflows.WouldUnlock {
		return conclude(ctx, alert, found, err)
	}
	alert.UserID = found.UserID
	request.DryRun, request.Email, request.UserID, request.WatchFor = false, "", found.UserID, alert.WatchFor
	result, err := workflows.Unlock(ctx, request)
	return conclude(ctx, alert, result, err)
}

// conclude decides what an outcome or a failure means to this playbook.
func conclude(ctx workflow.Context, alert Alert, result *workflows.Result, err error) (*Report, error) {
	var failed *workflows.UnlockFailure
	switch {
	case errors.As(err, &failed) && failed.Type == workflows.TypeAlreadyRunning:
		return &Report{UserID: alert.UserID, Code: failed.Type}, nil // Somebody else is at it.
	case errors.As(err, &failed) && failed.Type == workflows.TypeCancelled:
		return nil, err
	case errors.As(err, &failed):
		return openCase(ctx, Case{Ticket: alert.Ticket, UserID: alert.UserID, Why: failed.Type, Details: failed.Message})
	}
	switch result.Outcome {
	case workflows.Unlocked, workflows.AlreadyUnlocked:
		return &Report{UserID: result.UserID, Code: string(result.Outcome)}, nil
	default: // Refused, relocked, and whatever else a person should see.
		return openCase(ctx, Case{Ticket: alert.Ticket, UserID: result.UserID, Why: string(result.Outcome), Details: result.Explanation})
	}
}

func openCase(ctx workflow.Context, opened Case) (*Report, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 5},
		Summary:             "Open a case",
	})
	report := &Report{UserID: opened.UserID, Code: opened.Why}
	var desk *Desk
	err := workflow.ExecuteActivity(ctx, desk.OpenCase, opened).Get(ctx, &report.Case)
	return report, err
}

// Desk stands for your ticket system.
type Desk struct{ Out io.Writer }

// OpenCase opens a case and returns its ID. The same ticket gets the same ID, since an
// activity may run twice.
func (d *Desk) OpenCase(_ context.Context, opened Case) (string, error) {
	id := "CASE-" + opened.Ticket
	_, err := fmt.Fprintf(d.Out, "%s: %s at account %s: %s\n", id, opened.Why, opened.UserID, opened.Details)
	return id, err
}
