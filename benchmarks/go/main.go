// The works of apps/bare.py with net/http on AWS's Go runtime client, with response streaming.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambdaurl"
	"golang.org/x/sys/unix"
)

const small = `{"message":"hello from lambda","items":[1,2,3]}`

var chunk = bytes.Repeat([]byte("x"), 65536)

// streamed answers /work/COUNT with COUNT bodies.
func streamed(contentType string, write func(w io.Writer, number int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		count, err := strconv.Atoi(r.PathValue("count"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", contentType)
		for number := range count {
			write(w, number)
		}
	}
}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /small", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(small)))
		io.WriteString(w, small)
	})
	mux.Handle("GET /messages/{count}", streamed("text/event-stream", func(w io.Writer, number int) {
		fmt.Fprintf(w, "data: message number %07d\n\n", number)
	}))
	// Each message says when it was sent, by the clock that all processes share.
	mux.Handle("GET /paced/{count}", streamed("text/event-stream", func(w io.Writer, _ int) {
		time.Sleep(time.Millisecond)
		var now unix.Timespec
		unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
		fmt.Fprintf(w, "data:%020d    \n", now.Nano())
	}))
	mux.Handle("GET /chunks/{count}", streamed("application/octet-stream", func(w io.Writer, _ int) {
		w.Write(chunk)
	}))
	lambdaurl.Start(mux)
}
