package http1

type watchers struct{}

func (w *watchers) sweep(now int64) {}
