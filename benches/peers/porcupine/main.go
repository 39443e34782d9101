// Porcupine beside ours: judges a history of a map in JSON lines, as `cargo bench --bench linearizability -- write DIR` writes them.
//
//	go mod init peer && go get github.com/anishathalye/porcupine && go build -o porcupine .
//	./porcupine FILE 20s
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/anishathalye/porcupine"
)

type line struct {
	Session int             `json:"session"`
	Input   json.RawMessage `json:"input"`
	Output  json.RawMessage `json:"output"`
	Call    int64           `json:"call"`
	Return  *int64          `json:"return"`
}
type in struct {
	op  int
	key string
	val int64
}
type out struct {
	known bool
	val   int64
}

func main() {
	f, _ := os.Open(os.Args[1])
	timeout, _ := time.ParseDuration(os.Args[2])
	sc := bufio.NewScanner(f)
	sc.Buffer(make([]byte, 1<<20), 1<<20)
	var ops []porcupine.Operation
	last := int64(1) << 40
	for sc.Scan() {
		var l line
		if err := json.Unmarshal(sc.Bytes(), &l); err != nil {
			panic(err)
		}
		var pair []json.RawMessage
		json.Unmarshal(l.Input, &pair)
		i := in{}
		json.Unmarshal(pair[0], &i.key)
		if string(pair[1]) != "\"read\"" {
			i.op = 1
			var w struct{ Write int64 }
			json.Unmarshal(pair[1], &w)
			i.val = w.Write
		}
		o := out{}
		ret := last
		if l.Output != nil {
			o.known = true
			if i.op == 0 {
				var v struct{ Value *int64 }
				json.Unmarshal(l.Output, &v)
				if v.Value == nil {
					o.val = 0
				} else {
					o.val = *v.Value
				}
			}
			ret = *l.Return
		} else if i.op == 0 {
			continue
		} else {
			last++
		}
		ops = append(ops, porcupine.Operation{ClientId: l.Session, Input: i, Call: l.Call, Output: o, Return: ret})
	}
	model := porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			m := map[string][]porcupine.Operation{}
			for _, v := range history {
				m[v.Input.(in).key] = append(m[v.Input.(in).key], v)
			}
			var r [][]porcupine.Operation
			for _, v := range m {
				r = append(r, v)
			}
			return r
		},
		Init: func() interface{} { return int64(0) },
		Step: func(state, input, output interface{}) (bool, interface{}) {
			i, o := input.(in), output.(out)
			if i.op == 1 {
				return true, i.val
			}
			return !o.known || o.val == state.(int64), state
		},
	}
	runtime.GC()
	t := time.Now()
	res := porcupine.CheckOperationsTimeout(model, ops, timeout)
	d := time.Since(t)
	var u syscall.Rusage
	syscall.Getrusage(0, &u)
	fmt.Printf("%-50s %9.1f ms  %s  peak %d MB\n", os.Args[1], float64(d.Microseconds())/1000, res, u.Maxrss/1024)
}
