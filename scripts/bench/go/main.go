// The official Go client as a peer of the publish bench: stores events with `PublishAsync`, with a
// bounded number under way, which is what `nats bench js pub async` does. It reads one count a line
// and answers each with the nanoseconds that it took.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func main() {
	url := flag.String("url", nats.DefaultURL, "the server")
	subject := flag.String("subject", "naq.jobs.events.go.lifecycle.completed", "where to publish")
	size := flag.Int("size", 165, "bytes of each message")
	pending := flag.Int("pending", 1000, "how many may be under way")
	ids := flag.Bool("ids", true, "whether each message has a Nats-Msg-Id")
	flag.Parse()
	if err := serve(*url, *subject, *size, *pending, *ids); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(url, subject string, size, pending int, ids bool) error {
	connection, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer connection.Close()
	client, err := jetstream.New(connection, jetstream.WithPublishAsyncMaxPending(pending))
	if err != nil {
		return err
	}
	run := fmt.Sprintf("go-%d-", time.Now().UnixNano())
	published := 0
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		count, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		started := time.Now()
		futures := make([]jetstream.PubAckFuture, 0, count)
		for i := 0; i < count; i++ {
			message := &nats.Msg{Subject: subject, Data: make([]byte, size)}
			options := []jetstream.PublishOpt{jetstream.WithStallWait(30 * time.Second)}
			if ids {
				published++
				options = append(options, jetstream.WithMsgID(run+strconv.Itoa(published)))
			}
			future, err := client.PublishMsgAsync(message, options...)
			if err != nil {
				return err
			}
			futures = append(futures, future)
		}
		for _, future := range futures {
			if err := await(future); err != nil {
				return err
			}
		}
		fmt.Println(time.Since(started).Nanoseconds())
	}
	return lines.Err()
}

func await(future jetstream.PubAckFuture) error {
	context, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	select {
	case <-future.Ok():
		return nil
	case err := <-future.Err():
		return err
	case <-context.Done():
		return context.Err()
	}
}
