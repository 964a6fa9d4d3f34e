package dev

import (
	"encoding/json"
	"fmt"
)

// Password is the right one of every user that Locked makes.
const Password = "Correct-Horse-Battery-1"

// Locked makes a user of the simulated JumpCloud, whom failed sign-ins have locked, with an
// address at example.com.
func (e *Environment) Locked(username string) (id string, err error) {
	created, err := e.JumpCloud.CreateUser(map[string]any{"username": username, "email": username + "@example.com", "password": Password})
	if err != nil {
		return "", fmt.Errorf("make a user: %w", err)
	}
	var user struct {
		ID string `json:"_id"`
	}
	if err := json.Unmarshal(created, &user); err != nil {
		return "", fmt.Errorf("read the user: %w", err)
	}
	return user.ID, e.JumpCloud.LockByFailures(user.ID)
}
