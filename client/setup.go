package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	temporaldial "github.com/latchkey-iam/latchkey/internal/temporalclient"
	"github.com/latchkey-iam/latchkey/workflows"
)

// Setup is what a namespace has of what Latchkey needs.
type Setup struct {
	Namespace  string
	Attributes []Attribute
	// Retention is how long the namespace keeps closed runs, and LookBack how far the default
	// policy, and those of the namespace's schedules, look back.
	Retention, LookBack time.Duration
	// Cloud says that the server leaves search attributes to a control plane, as Temporal Cloud
	// does.
	Cloud bool
}

// Attribute is a search attribute and whether the namespace has it.
type Attribute struct {
	Name  string         `json:"name"`
	Type  string         `json:"type"`
	State AttributeState `json:"state"`
}

// AttributeState says whether a namespace has a search attribute.
type AttributeState string

// The states of a search attribute; one that is missing could not be registered by the client.
const (
	AttributeExists     AttributeState = "exists"
	AttributeRegistered AttributeState = "registered"
	AttributeMissing    AttributeState = "missing"
)

// Missing returns the names of the search attributes that the namespace lacks.
func (s *Setup) Missing() []string {
	var missing []string
	for _, each := range s.Attributes {
		if each.State == AttributeMissing {
			missing = append(missing, each.Name)
		}
	}
	return missing
}

// SetUp registers those of Latchkey's search attributes that the namespace lacks, where the
// server lets it, and waits until they can be used. It changes nothing where one is there with
// another type.
func (c *Client) SetUp(ctx context.Context) (*Setup, error) {
	setup := &Setup{Namespace: c.namespace()}
	there, err := temporaldial.SearchAttributes(ctx, c.Temporal, setup.Namespace, workflows.SearchAttributes())
	var unimplemented *serviceerror.Unimplemented
	setup.Cloud = errors.As(err, &unimplemented)
	if err != nil && !temporaldial.NotOurs(err) {
		return nil, err
	}
	var missing, wrong []string
	for _, name := range workflows.SearchAttributes() {
		is, exists := there[name]
		want := workflows.SearchAttributeTypes()[name]
		attribute := Attribute{Name: name, Type: want.String(), State: AttributeExists}
		if !exists {
			missing, attribute.State = append(missing, name), AttributeMissing
		} else if is != want {
			wrong = append(wrong, fmt.Sprintf("%s is there as %s and must be %s", name, is, want))
		}
		setup.Attributes = append(setup.Attributes, attribute)
	}
	if len(wrong) > 0 {
		return nil, &Failure{Type: workflows.TypeNotSetUp, Message: fmt.Sprintf(
			"in the namespace %s the search attribute %s; remove or rename what is there, and set it up again", setup.Namespace, strings.Join(wrong, ", "))}
	}
	if len(missing) > 0 && !setup.Cloud {
		if err := c.register(ctx, setup, missing); err != nil && !temporaldial.NotOurs(err) {
			return nil, err
		}
	}
	return setup, c.retention(ctx, setup)
}

// register registers search attributes, and waits until they can be used.
func (c *Client) register(ctx context.Context, setup *Setup, names []string) error {
	request := &operatorservice.AddSearchAttributesRequest{Namespace: setup.Namespace, SearchAttributes: workflows.SearchAttributeTypes()}
	for name := range request.SearchAttributes {
		if !slices.Contains(names, name) {
			delete(request.SearchAttributes, name)
		}
	}
	_, err := c.Temporal.OperatorService().AddSearchAttributes(ctx, request)
	var exists *serviceerror.AlreadyExists
	if err != nil && !errors.As(err, &exists) { // Somebody else may have registered them just now.
		return err
	}
	if err := c.awaitUsable(ctx, names); err != nil {
		return err
	}
	for i := range setup.Attributes {
		if setup.Attributes[i].State == AttributeMissing {
			setup.Attributes[i].State = AttributeRegistered
		}
	}
	return nil
}

// usableWithin bounds the wait until all of Temporal knows what was registered, and
// usableInterval is how often it is asked.
const (
	usableWithin   = time.Minute
	usableInterval = 200 * time.Millisecond
)

// awaitUsable waits until the namespace takes a query by the search attributes.
func (c *Client) awaitUsable(ctx context.Context, names []string) error {
	request := &workflowservice.CountWorkflowExecutionsRequest{Namespace: c.namespace(), Query: strings.Join(names, " = 'x' AND ") + " = 'x'"}
	deadline := time.Now().Add(usableWithin)
	ticker := time.NewTicker(usableInterval)
	defer ticker.Stop()
	for {
		_, err := c.Temporal.CountWorkflow(ctx, request)
		var unknown *serviceerror.InvalidArgument
		switch {
		case !errors.As(err, &unknown):
			return err
		case time.Now().After(deadline):
			return &Failure{Type: workflows.TypeNotSetUp,
				Message: "the search attributes are registered, but Temporal cannot use them yet; set it up again in a minute"}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// retention completes the setup by how long the namespace keeps closed runs, and how far
// policies look back.
func (c *Client) retention(ctx context.Context, setup *Setup) error {
	described, err := c.Temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: setup.Namespace})
	if err != nil {
		return err
	}
	setup.Retention = described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	setup.LookBack = workflows.DefaultPerUserWindow
	err = c.Schedules(ctx, func(schedule *Schedule) error {
		setup.LookBack = max(setup.LookBack, schedule.Policy.LookBack())
		return nil
	})
	if temporaldial.NotOurs(err) {
		return nil // Whoever may not see the schedules does not run them.
	}
	return err
}
