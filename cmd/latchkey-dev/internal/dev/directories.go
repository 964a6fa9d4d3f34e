package dev

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-iam/latchkey/internal/directory"
)

// People are those of a real directory, found by their usernames.
type People interface {
	// AddPerson makes somebody who can sign in, with an address at example.com.
	AddPerson(username, first, last, title, password string) (id string, err error)
	// FailSignIns enters wrong passwords until the account is locked.
	FailSignIns(username string) error
	LockAsAdministrator(username string) error
	SignIn(username, password string) bool
	// Settings are the variables of a connection, without its prefix.
	Settings() map[string]string
	URL() string
	Close()
}

// Directory is a real directory server, served by a connection of its provider's name.
type Directory struct {
	Name, Title string
	People
}

// startable are the directories that can be started where they are installed.
var startable = []struct {
	name, title string
	// installed reports whether it can be started here; missing says how to install it.
	installed func() bool
	missing   string
	start     func(context.Context) (People, error)
}{
	{"openldap", "OpenLDAP", directory.HasOpenLDAP, "apt-get install slapd", func(ctx context.Context) (People, error) {
		return directory.StartOpenLDAP(ctx, directory.OpenLDAPOptions{})
	}},
}

// Directories are the names of those that can be started.
func Directories() []string {
	var names []string
	for _, each := range startable {
		names = append(names, each.name)
	}
	return names
}

// InstalledDirectories are the names of those that can be started here; missing says of each
// other how to install it.
func InstalledDirectories() (names, missing []string) {
	for _, each := range startable {
		if each.installed() {
			names = append(names, each.name)
		} else {
			missing = append(missing, fmt.Sprintf("%s is left out, since it is not installed; on Debian and Ubuntu: %s", each.title, each.missing))
		}
	}
	return names, missing
}

// CheckDirectories fails unless each name is that of a directory.
func CheckDirectories(names []string) error {
	for _, name := range names {
		if !slices.Contains(Directories(), name) {
			return fmt.Errorf("%q is no directory that can be started: there is %s", name, strings.Join(Directories(), ", "))
		}
	}
	return nil
}

func (e *Environment) startDirectories(ctx context.Context, options Options) error {
	for _, each := range startable {
		if !slices.Contains(options.Directories, each.name) {
			continue
		}
		started, err := each.start(ctx)
		if err != nil {
			return err
		}
		e.Directories = append(e.Directories, &Directory{Name: each.name, Title: each.title, People: started})
		e.stops = append(e.stops, func() error { started.Close(); return nil })
	}
	return nil
}

// Directory returns the directory of that provider, nil if there is none.
func (e *Environment) Directory(name string) *Directory {
	for _, each := range e.Directories {
		if each.Name == name {
			return each
		}
	}
	return nil
}
