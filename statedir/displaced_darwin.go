package statedir

// displaced finds nobody: this system tells no stranger who locks a file.
func displaced(string) (Info, bool) { return Info{}, false }

func foresee() {}
