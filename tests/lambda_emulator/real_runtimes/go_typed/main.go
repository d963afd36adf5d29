// The probe as a typed handler: AWS's usual Go function, which answers in one piece.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	if os.Getenv("INIT") == "exit" {
		os.Exit(1)
	}
	lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() { fmt.Println("SIGTERM seen") }))
}

func handle(ctx context.Context, event events.LambdaFunctionURLRequest) (events.LambdaFunctionURLResponse, error) {
	body := "hello from " + event.RawPath
	switch event.RawPath {
	case "/throw":
		return events.LambdaFunctionURLResponse{}, errors.New("thrown on purpose")
	case "/sleep":
		time.Sleep(time.Hour)
	case "/crash":
		os.Exit(3)
	case "/large":
		body = strings.Repeat("x", 7000000)
	case "/log":
		fmt.Println("a line of the log")
		body = "logged"
	}
	headers := map[string]string{"content-type": "text/plain", "x-from": "go"}
	return events.LambdaFunctionURLResponse{StatusCode: 200, Headers: headers, Body: body}, nil
}
