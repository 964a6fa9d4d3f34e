package devserver

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

type lines struct {
	sync.Mutex
	b []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	l.b = append(l.b, strings.TrimSpace(string(p)))
	return len(p), nil
}

func dump(c client.Client, id string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out := ""
	it := c.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		if err != nil {
			return out + "   history: " + err.Error() + "\n"
		}
		out += fmt.Sprintf("   %s %s\n", e.EventTime.AsTime().Format("05.000"), e.EventType)
	}
	d, err := c.DescribeWorkflowExecution(ctx, id, "")
	if err == nil {
		out += fmt.Sprintf("   status %s pendingAct %v pendingWFT %v\n", d.WorkflowExecutionInfo.Status, d.PendingActivities, d.PendingWorkflowTask)
	}
	return out
}

// several servers in parallel, one workflow at a time each, until one is stuck
func TestZZStuck(t *testing.T) {
	until := time.Now().Add(6 * time.Minute)
	for k := range 4 {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			t.Parallel()
			for round := 0; time.Now().Before(until); round++ {
				log := &lines{}
				s, err := Start(context.Background(), Options{Address: freePort, Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
				if err != nil {
					t.Error(err)
					return
				}
				rec := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
					b := time.Now()
					err := invoker(ctx, method, req, reply, cc, opts...)
					m := method[strings.LastIndex(method, "/")+1:]
					switch r := reply.(type) {
					case *workflowservice.PollActivityTaskQueueResponse:
						fmt.Fprintf(log, "RPC %s at %s took %s id=%s wf=%s bytes=%d err=%v ctxerr=%v", m, time.Now().UTC().Format("05.000"), time.Since(b), r.GetActivityId(), r.GetWorkflowExecution().GetWorkflowId(), proto.Size(r), err, ctx.Err())
					case *workflowservice.RespondActivityTaskCompletedResponse:
						fmt.Fprintf(log, "RPC %s at %s took %s err=%v", m, time.Now().UTC().Format("05.000"), time.Since(b), err)
					}
					return err
				}
				c, err := client.Dial(client.Options{HostPort: s.Address(), Logger: sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(log, nil))), ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(rec)}}})
				if err != nil {
					t.Error(err)
					return
				}
				stop := serve(t, c)
				for i := range 5 {
					id := fmt.Sprint("s-", i)
					ctx, cancel := context.WithTimeout(context.Background(), 45*time.Second)
					b := time.Now()
					run, err := c.ExecuteWorkflow(ctx, startOptions(id), greetWorkflow, id)
					startTook := time.Since(b)
					if err == nil {
						err = run.Get(ctx, nil)
					}
					cancel()
					if err != nil || time.Since(b) > 20*time.Second {
						fmt.Fprintf(os.Stdout, "STUCK server %d round %d %s start %s total %s now %s err %v\n%s", k, round, id, startTook, time.Since(b), time.Now().UTC().Format("05.000"), err, dump(c, id))
						log.Lock()
						for _, l := range log.b {
							fmt.Println("      |", l)
						}
						log.Unlock()
					}
				}
				stop()
				c.Close()
				_ = s.Stop()
			}
		})
	}
}
