package directory

// Abandon ends the server's keeper as the end of this process would.
func (s *Slapd) Abandon() {
	_ = s.current().stdin.Close()
	<-s.current().ended
}
