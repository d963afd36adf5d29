// The probe as an http.Handler, through AWS's own lambdaurl.
package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdaurl"
)

func main() {
	if os.Getenv("INIT") == "exit" {
		os.Exit(1)
	}
	lambdaurl.Start(http.HandlerFunc(handle))
}

func handle(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/stream":
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("X-From", "go")
		w.WriteHeader(201)
		for i := 0; i < 3; i++ {
			fmt.Fprintf(w, "chunk %d\n", i)
			wait(fmt.Sprintf("%s.%d", r.URL.Query().Get("gate"), i))
		}
	case "/throw":
		panic("thrown on purpose")
	case "/late":
		w.WriteHeader(200)
		fmt.Fprint(w, "so far")
		panic("late on purpose")
	case "/sleep":
		time.Sleep(time.Hour)
	case "/crash":
		os.Exit(3)
	case "/large":
		fmt.Fprint(w, strings.Repeat("x", 7000000))
	case "/log":
		fmt.Println("a line of the log")
		fmt.Fprint(w, "logged")
	default:
		fmt.Fprint(w, "hello from "+r.URL.Path)
	}
}

func wait(gate string) {
	for {
		if _, err := os.Stat(gate); err == nil {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}
