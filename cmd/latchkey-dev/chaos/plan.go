package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/latchkey-iam/latchkey/connectors"
	jumpcloudsimulator "github.com/latchkey-iam/latchkey/connectors/jumpcloud/simulator"
	"github.com/latchkey-iam/latchkey/connectors/simulator"
)

// step is one thing that happens, at a time after the beginning. One of its fields is set.
type step struct {
	at      time.Duration
	request *request
	list    *list
	lock    *lock
	fault   *fault
	outage  *outage
}

// request asks for the unlock of one user, once or by a crowd.
type request struct {
	number     int
	connection string
	person     int
	// by is how the user is named: id, username or email.
	by string
	// command asks with the latchkey command, and named under a request ID.
	command, named bool
	// times is how many ask at once; some of them ask for something else.
	times    int
	dryRun   bool
	reasons  []connectors.Reason
	timeout  time.Duration
	watchFor time.Duration
	// approval says what the approvers do; empty asks for none.
	approval approvers
	ending   ending
}

// approvers are what the approvers of a request do.
type approvers string

const (
	approve      approvers = "approve"
	deny         approvers = "deny"
	nobody       approvers = "nobody"
	late         approvers = "late"
	wrong        approvers = "wrong"
	wrongAndGood approvers = "wrong, then approve"
)

// ending ends a run from outside.
type ending struct {
	how   string // cancel or terminate; empty leaves the run alone
	after time.Duration
}

// list asks for the unlock of many.
type list struct {
	number     int
	connection string
	// people are given, some of them twice; nobody given means everybody who is locked.
	people  []int
	unknown int
	ending  ending
}

// lock locks people.
type lock struct {
	connection string
	people     []int
	admin      bool
}

// fault is ordered at a provider.
type fault struct {
	connection string
	order      simulator.Fault
}

// outage ends a worker or Temporal, in an orderly way or as a crash would, for a while.
type outage struct {
	temporal bool
	worker   int
	crash    bool
	lasts    time.Duration
}

// The cast of each connection: so many people each; see cast.
const (
	ordinary  = 24
	protected = 4
	outOfUse  = 4
	allPeople = ordinary + protected + outOfUse
	workers   = 3
	perSecond = 3
)

// planner draws a plan from a seed.
type planner struct {
	*rand.Rand
	numbers int
}

// newPlan draws what happens. The same seed gives the same plan; how its parts meet is for the
// machine to say.
func newPlan(seed uint64, length time.Duration) []step {
	p := &planner{Rand: rand.New(rand.NewPCG(seed, 0))}
	var plan []step
	for range int(length.Seconds() * perSecond) {
		each := p.step()
		each.at = p.upTo(length)
		plan = append(plan, each)
	}
	// Whatever is drawn, Temporal is restarted, a worker is killed, and everybody whom nobody
	// may unlock is asked for.
	plan = append(plan,
		step{at: length / 2, outage: &outage{temporal: true, crash: p.IntN(2) == 0, lasts: p.upTo(3 * time.Second)}},
		step{at: length / 3, outage: &outage{worker: p.IntN(workers), crash: true, lasts: time.Second}})
	for _, connection := range connections {
		for person := ordinary; person < allPeople; person++ {
			each := p.request(connection)
			each.person, each.ending, each.dryRun, each.reasons = person, ending{}, false, nil
			plan = append(plan, step{at: p.upTo(length), request: each})
		}
	}
	slices.SortStableFunc(plan, func(one, other step) int { return cmp.Compare(one.at, other.at) })
	return plan
}

func (p *planner) upTo(most time.Duration) time.Duration { return time.Duration(p.Int64N(int64(most))) }

func (p *planner) chance(percent int) bool { return p.IntN(100) < percent }

// pick returns one of the choices.
func pick[T any](p *planner, choices ...T) T { return choices[p.IntN(len(choices))] }

func (p *planner) step() step {
	connection := pick(p, connections...)
	switch at := p.IntN(100); {
	case at < 48:
		return step{request: p.request(connection)}
	case at < 53:
		return step{list: p.list(connection)}
	case at < 73:
		return step{lock: &lock{connection: connection, people: p.people(4), admin: p.chance(30)}}
	case at < 95:
		return step{fault: &fault{connection: connection, order: p.fault(operations[connection])}}
	case at < 99:
		return step{outage: &outage{worker: p.IntN(workers), crash: p.chance(70), lasts: p.upTo(4 * time.Second)}}
	default:
		return step{outage: &outage{temporal: true, crash: p.chance(50), lasts: p.upTo(3 * time.Second)}}
	}
}

func (p *planner) number() int {
	p.numbers++
	return p.numbers
}

func (p *planner) people(most int) []int {
	people := make([]int, 1+p.IntN(most))
	for i := range people {
		people[i] = p.IntN(ordinary)
	}
	return people
}

func (p *planner) request(connection string) *request {
	drawn := &request{number: p.number(), connection: connection, person: p.IntN(allPeople), by: pick(p, "id", "id", "username", "email"),
		times: 1, timeout: 10*time.Second + p.upTo(20*time.Second), dryRun: p.chance(5)}
	switch {
	case p.chance(8):
		drawn.command, drawn.named = true, true
	case p.chance(20):
		drawn.named = true
	case p.chance(12):
		drawn.times, drawn.by = 5+p.IntN(25), "id"
	}
	if p.chance(15) {
		drawn.reasons = []connectors.Reason{connectors.ReasonFailedSignIn}
	}
	if p.chance(5) {
		drawn.watchFor = p.upTo(5 * time.Second)
	}
	if connection == strict || p.chance(15) {
		drawn.approval = pick(p, approve, approve, approve, deny, nobody, late, wrong, wrongAndGood)
	}
	drawn.ending = p.ending()
	return drawn
}

func (p *planner) ending() ending {
	if !p.chance(12) {
		return ending{}
	}
	return ending{how: pick(p, "cancel", "terminate"), after: p.upTo(3 * time.Second)}
}

func (p *planner) list(connection string) *list {
	drawn := &list{number: p.number(), connection: connection, ending: p.ending()}
	if p.chance(70) {
		drawn.people, drawn.unknown = p.people(20), p.IntN(3)
		drawn.people = append(drawn.people, ordinary+p.IntN(allPeople-ordinary))
	}
	return drawn
}

// fault draws one that a provider, or what stands before it, may have. None of them may make
// a request end otherwise than by an answer that is true.
func (p *planner) fault(operations []string) simulator.Fault {
	drawn := simulator.Fault{Operation: pick(p, operations...), Skip: p.IntN(2), Times: 1 + p.IntN(4), AfterEffect: p.chance(40)}
	switch drawn.Kind = pick(p, simulator.KindStatus, simulator.KindStatus, simulator.KindStatus, simulator.KindDrop, simulator.KindDrop,
		simulator.KindHalf, simulator.KindHTML, simulator.KindEmpty, simulator.KindLatency, simulator.KindLatency, simulator.KindSlow,
		simulator.KindStale, simulator.KindRateLimit, simulator.KindDeepJSON); drawn.Kind {
	case simulator.KindStatus:
		drawn.Status = pick(p, 429, 500, 502, 503, 504)
		drawn.RetryAfter = simulator.Duration(time.Duration(p.IntN(3)) * time.Second)
	case simulator.KindHTML:
		drawn.Status = pick(p, 200, 403, 502, 503)
	case simulator.KindLatency:
		drawn.Delay = simulator.Duration(p.upTo(4 * time.Second))
	case simulator.KindSlow:
		drawn.Delay = simulator.Duration(time.Millisecond)
	case simulator.KindStale:
		drawn.For = simulator.Duration(p.upTo(staleFor))
	case simulator.KindRateLimit:
		drawn.PerSecond = 1
	case simulator.KindDeepJSON:
		drawn.Depth = 1000
	}
	if drawn.Operation == jumpcloudsimulator.OpOrganization && (drawn.Kind == simulator.KindDeepJSON || drawn.Kind == simulator.KindEmpty) {
		drawn.Kind = simulator.KindDrop // What is no organization's object makes reasons unknown, as it should.
	}
	if drawn.Kind == simulator.KindRateLimit || drawn.Status >= 400 && drawn.Status < 500 {
		drawn.AfterEffect = false // Such an answer says that nothing was done.
	}
	return drawn
}

// String says what happens, for the log of the harness.
func (s step) String() string {
	switch {
	case s.request != nil:
		return fmt.Sprintf("request %+v", *s.request)
	case s.list != nil:
		return fmt.Sprintf("list %+v", *s.list)
	case s.lock != nil:
		return fmt.Sprintf("lock %+v", *s.lock)
	case s.fault != nil:
		return fmt.Sprintf("fault at %s: %s of %s, times %d, skip %d, status %d, delay %s, after effect %t", s.fault.connection, s.fault.order.Kind,
			s.fault.order.Operation, s.fault.order.Times, s.fault.order.Skip, s.fault.order.Status, s.fault.order.Delay.D(), s.fault.order.AfterEffect)
	default:
		return fmt.Sprintf("outage %+v", *s.outage)
	}
}
