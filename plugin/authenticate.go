package plugin

// Settled reports whether an authentication plugin has nothing to do: another one has found valid
// credentials, and this one lets requests pass without them.
func (x *Exchange) Settled(anonymous string) bool {
	return anonymous != "" && x.Credential != nil
}

// OrAnonymous is the end of an authentication plugin: a request that it refuses
// goes on in the name of a consumer (an id or a username), if there is one.
func (x *Exchange) OrAnonymous(anonymous string, refused *Reply) *Reply {
	if refused == nil || anonymous == "" {
		return refused
	}
	consumer := x.Directory.ConsumerNamed(anonymous)
	if consumer == nil {
		return internalError
	}
	x.AuthenticateAnonymous(consumer)
	return nil
}

// Admit authenticates the request as coming from the consumer with an id.
func (x *Exchange) Admit(c Credential) *Reply {
	consumer := x.Directory.Consumer(c.ConsumerID)
	if consumer == nil {
		return internalError
	}
	x.Authenticate(consumer, c)
	return nil
}
