package admin

import "gibbon/plugin"

// addPlugins makes the endpoints that plugins have.
func (a *api) addPlugins(endpoints []plugin.Endpoint) {
	for _, e := range endpoints {
		m := methods{}
		for name, answer := range e.Methods {
			m[name] = func(r *request) (*reply, error) { return pluginReply(answer(r.params)) }
		}
		a.routes.add(e.Path, m)
	}
}

func pluginReply(answer plugin.EndpointAnswer) (*reply, error) {
	if answer.Page {
		return nil, &pageError{status: answer.Status}
	}
	if answer.Body == nil {
		return &reply{status: answer.Status}, nil
	}
	return jsonReply(answer.Status, answer.Body)
}
