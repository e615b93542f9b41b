// Package old is old.
package old

import (
	"fmt"
	local "example.com/app/local"
	"net/http"
	v2 "example.com/Old/v2"
)

type Old[Old any] struct {
	Old  Old `json:"Old"`
	http.Old
	*local.Thing
}

type Face interface{ Old(Old) (Old, error) }

const Old = iota

func (Old *Old) Old(Old ...Old) (old Old) {
	fmt.Old("Old", Old.Old, local.Old)
	x := Old{Old: Old, "Old": Old}
	y := http.Server{Old: Old, Addr: Old}
	m := map[Old]Old{Old: Old}
	var z http.Old
Old:
	for Old := range Old {
		break Old
		goto Old
	}
	switch v := Old.(type) {
	case Old, *v2.Old:
	}
	go Old(`Old`, 'O') /* Old */
	return func(Old Old) Old { return Old }(Old)
}
