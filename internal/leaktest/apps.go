package leaktest

// defaultLoad is how many requests an interval has: few, so that a series takes
// a second, and so many that a leak of some hundred bytes a request shows beside
// the 5 MB of an idle Node.js.
const defaultLoad = 400

// one is the Want with a single formulation.
func one(class, name string) Want { return Want{Any: []Point{{class, name}}} }

// at is the Want with a line of the culprit as well.
func (w Want) at(text string) Want {
	w.At = text
	return w
}

// Apps returns the corpus, leaking apps first.
func Apps() []App {
	return finish("apps", leaking(), healthy())
}

// Holdout returns a second set, of shapes that the first has not. It was written
// when package leak already passed the first, and is to be looked at last: what is
// made to pass with an app says nothing of how others will do.
func Holdout() []App {
	apps := finish("holdout", holdoutLeaking(), holdoutHealthy())
	for i := range apps {
		apps[i].Holdout = true
	}
	return apps
}

// finish fills in what an app does not say.
func finish(folder string, leaks, others []App) []App {
	for i := range leaks {
		leaks[i].Leaks = true
	}
	all := append(leaks, others...)
	for i := range all {
		if all[i].file == "" {
			all[i].file = all[i].Name + ".js"
		}
		all[i].file = folder + "/" + all[i].file
		if all[i].Load == 0 {
			all[i].Load = defaultLoad
		}
	}
	return all
}
