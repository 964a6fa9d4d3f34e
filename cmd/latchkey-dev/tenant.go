package main

import (
	"github.com/latchkey-iam/latchkey/cmd/latchkey-dev/internal/dev"
)

// password is the right one of every demonstration user.
const password = dev.Password

// person is a demonstration user, at a simulated tenant or in a real directory.
type person struct {
	tenant    *dev.Tenant
	directory *dev.Directory
	ID        string
	Username  string
	Email     string
}

// newPerson makes a user with a rich profile; the simulator fills the rest in.
func newPerson(environment *dev.Environment, connection, first, last, job string) (*person, error) {
	username := first + "." + last
	made := &person{tenant: environment.Tenant(connection), directory: environment.Directory(connection), Username: username, Email: username + "@example.com"}
	if made.directory != nil {
		var err error
		made.ID, err = made.directory.AddPerson(username, first, last, job, password)
		return made, err
	}
	profile := made.tenant.Profile(first, last, job)
	profile["username"], profile["email"], profile["password"] = made.Username, made.Email, password
	var err error
	made.ID, err = made.tenant.Make(profile)
	return made, err
}

// failSignIns enters wrong passwords until the policy there locks the account.
func failSignIns(p *person) error {
	if p.directory != nil {
		return p.directory.FailSignIns(p.Username)
	}
	return p.tenant.LockByFailures(p.ID)
}

// lockAsAdministrator locks the account as an administrator would.
func lockAsAdministrator(p *person) error {
	if p.directory != nil {
		return p.directory.LockAsAdministrator(p.Username)
	}
	return p.tenant.Act(p.ID, "lock", nil)
}

// act returns the preparation that does a thing as an administrator would.
func act(action string) func(*person) error {
	return func(p *person) error { return p.tenant.Act(p.ID, action, nil) }
}

// signsIn reports whether the right password lets the user in.
func (p *person) signsIn() bool {
	if p.directory != nil {
		return p.directory.SignIn(p.Username, password)
	}
	return p.tenant.SignIn(p.Username, password).OK
}

// sample is a locked user that a newcomer may unlock, and how to ask for it.
type sample struct {
	*person
	Connection, Reference, URL string
}

// makeSamples makes one at each tenant and in each directory, to be asked for by address and by ID in turn.
func makeSamples(environment *dev.Environment) ([]sample, error) {
	names := [][3]string{{"grace", "hopper", "Rear Admiral"}, {"alan", "turing", "Reader"}}
	var samples []sample
	places := [][2]string{}
	for _, tenant := range environment.Tenants {
		places = append(places, [2]string{tenant.Name, tenant.URL})
	}
	for _, directory := range environment.Directories {
		places = append(places, [2]string{directory.Name, directory.URL()})
	}
	for i, place := range places {
		name := names[i%len(names)]
		made, err := newPerson(environment, place[0], name[0], name[1], name[2])
		if err != nil {
			return nil, err
		}
		if err := failSignIns(made); err != nil {
			return nil, err
		}
		reference := "--email " + made.Email
		if i%2 == 1 {
			reference = "--user-id " + made.ID + " -o json"
		}
		samples = append(samples, sample{made, place[0], reference, place[1]})
	}
	return samples, nil
}
