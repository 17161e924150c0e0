// A function in Go: a program that asks the Runtime API for events, with nothing but the standard library.
// Those who can download modules write lambda.Start(handle) of github.com/aws/aws-lambda-go instead of main.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
)

type event struct {
	Name string `json:"name"`
}

type answer struct {
	StatusCode int    `json:"statusCode"`
	Body       string `json:"body"`
}

func handle(event event) (answer, error) {
	if event.Name == "" {
		event.Name = "world"
	}
	fmt.Println("Greeting", event.Name)
	return answer{200, "Hello, " + event.Name}, nil
}

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		next, err := http.Get(api + "next")
		if err != nil {
			log.Fatal(err)
		}
		var event event
		var answer answer
		err = json.NewDecoder(next.Body).Decode(&event)
		next.Body.Close()
		if err == nil {
			answer, err = handle(event)
		}
		id := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
		if err != nil {
			post(api+id+"/error", map[string]string{"errorMessage": err.Error(), "errorType": fmt.Sprintf("%T", err)})
		} else {
			post(api+id+"/response", answer)
		}
	}
}

func post(url string, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	taken, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	taken.Body.Close()
}
