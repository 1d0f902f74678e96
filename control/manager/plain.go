package manager

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"
)

// refreshEvery is how often a browser asks for the plain page again.
const refreshEvery = 2

// A plainPage shows what the targets of all upstreams do, to browsers without scripts
// and to curl, which gets a text. It asks the Admin API as its client would have.
type plainPage struct {
	api  http.Handler
	base string
}

// A plainUpstream is one table of the page.
type plainUpstream struct {
	Name, Algorithm string
	Problem         string // why there is no table
	Targets         []plainTarget
}

// A plainTarget is one row.
type plainTarget struct {
	Name, State, Cause, Since string
	Weight                    int64
	Share, Rate, P99          string
	Failed, Errors, InFlight  int64
	LastCheck                 string
}

// ServeHTTP answers with the tables.
func (p *plainPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	upstreams, status, err := p.upstreams(r)
	if err != nil {
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, err.Error(), status)
		return
	}
	var page bytes.Buffer
	contentType := "text/plain; charset=utf-8"
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		contentType = "text/html; charset=utf-8"
		err = plainHTML.Execute(&page, map[string]any{
			"Upstreams": upstreams, "Base": p.base + "/", "Refresh": refreshEvery, "Now": time.Now().Format(time.TimeOnly),
		})
	} else {
		err = writePlainText(&page, upstreams)
	}
	if err != nil {
		http.Error(w, "500 Internal Server Error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(page.Bytes()) // the client went away: nobody is left to tell
}

// upstreams asks for everything that the page shows. The error is the first answer
// that is none, with its status.
func (p *plainPage) upstreams(r *http.Request) (list []plainUpstream, status int, err error) {
	path := "/upstreams?size=1000"
	for path != "" {
		var page struct {
			Data []struct{ ID, Name, Algorithm string }
			Next string
		}
		if status, err := p.ask(r, path, &page); err != nil {
			return nil, status, err
		}
		for _, u := range page.Data {
			shown := plainUpstream{Name: u.Name, Algorithm: u.Algorithm}
			if err := p.fill(r, u.ID, &shown); err != nil {
				shown.Problem = err.Error()
			}
			list = append(list, shown)
		}
		path = page.Next
	}
	return list, http.StatusOK, nil
}

func (p *plainPage) fill(r *http.Request, id string, u *plainUpstream) error {
	path := "/upstreams/" + url.PathEscape(id)
	var traffic struct {
		Data []struct{ Targets []targetTraffic }
	}
	if _, err := p.ask(r, path+"/traffic", &traffic); err != nil {
		return err
	}
	done := map[string]targetTraffic{}
	if len(traffic.Data) > 0 { // the first window is the shortest
		for _, t := range traffic.Data[0].Targets {
			done[t.ID] = t
		}
	}
	next := path + "/health?details=1&size=1000"
	for next != "" {
		var page struct {
			Data []targetHealth
			Next string
		}
		if _, err := p.ask(r, next, &page); err != nil {
			return err
		}
		for _, t := range page.Data {
			u.Targets = append(u.Targets, newPlainTarget(&t, done))
		}
		next = page.Next
	}
	return nil
}

func newPlainTarget(t *targetHealth, done map[string]targetTraffic) plainTarget {
	row := plainTarget{Name: t.Target, State: t.Health, Weight: t.Weight, Share: "–", Rate: "–", P99: "–", Since: "–", LastCheck: "–"}
	if t.Health == "HEALTHCHECKS_OFF" {
		row.State = "UNCHECKED"
	}
	if len(t.Data.Addresses) > 0 {
		a := t.Data.Addresses[0]
		row.Cause, row.Since = a.Reason.Text, age(a.Since)
		if a.Last != nil {
			row.LastCheck = a.Last.Result + " " + age(a.Last.Time) + " ago"
		}
	}
	if d, ok := done[t.ID]; ok {
		row.Share, row.Rate = fmt.Sprintf("%.1f%%", 100*d.Share), fmt.Sprintf("%.1f", d.Rate)
		row.Failed, row.Errors, row.InFlight = d.Failed, d.Errors, d.InFlight
		if d.P99 != nil {
			row.P99 = fmt.Sprintf("%.1f ms", *d.P99)
		}
	}
	return row
}

func age(since float64) string {
	if since == 0 {
		return "–"
	}
	return max(0, time.Since(time.UnixMilli(int64(since*1000)))).Round(time.Second).String()
}

func writePlainText(to *bytes.Buffer, upstreams []plainUpstream) error {
	if len(upstreams) == 0 {
		to.WriteString("There are no upstreams.\n")
	}
	for i, u := range upstreams {
		if i > 0 {
			to.WriteByte('\n')
		}
		fmt.Fprintf(to, "%s (%s)\n", u.Name, u.Algorithm)
		if u.Problem != "" {
			fmt.Fprintf(to, "%s\n", u.Problem)
		}
		var rows bytes.Buffer
		rows.WriteString("TARGET\tSTATE\tFOR\tWEIGHT\tSHARE\tREQ/S\tFAILED\t5XX\tP99\tIN FLIGHT\tLAST CHECK\tCAUSE\n")
		for _, t := range u.Targets {
			fmt.Fprintf(&rows, "%s\t%s\t%s\t%d\t%s\t%s\t%d\t%d\t%s\t%d\t%s\t%s\n",
				t.Name, t.State, t.Since, t.Weight, t.Share, t.Rate, t.Failed, t.Errors, t.P99, t.InFlight, t.LastCheck, t.Cause)
		}
		w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
		_, err := rows.WriteTo(w)
		if err = errors.Join(err, w.Flush()); err != nil {
			return err
		}
	}
	return nil
}

var plainHTML = template.Must(template.New("plain").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{{.Refresh}}">
<title>Targets · Gibbon</title>
</head>
<body>
<h1>Targets</h1>
<p>The last 10 seconds at {{.Now}}, shown again every {{.Refresh}} seconds. <a href="{{.Base}}">The whole Manager</a> needs scripts.</p>
{{range .Upstreams}}
<h2>{{.Name}} ({{.Algorithm}})</h2>
{{if .Problem}}<p>{{.Problem}}</p>{{end}}
<table border="1" cellpadding="4" cellspacing="0">
<thead><tr><th scope="col">Target</th><th scope="col">State</th><th scope="col">For</th><th scope="col">Weight</th><th scope="col">Share</th><th scope="col">Requests/s</th><th scope="col">Failed</th><th scope="col">5xx</th><th scope="col">p99</th><th scope="col">In flight</th><th scope="col">Last check</th><th scope="col">Cause</th></tr></thead>
<tbody>
{{range .Targets}}<tr><td>{{.Name}}</td><td>{{.State}}</td><td>{{.Since}}</td><td>{{.Weight}}</td><td>{{.Share}}</td><td>{{.Rate}}</td><td>{{.Failed}}</td><td>{{.Errors}}</td><td>{{.P99}}</td><td>{{.InFlight}}</td><td>{{.LastCheck}}</td><td>{{.Cause}}</td></tr>
{{else}}<tr><td colspan="12">This upstream has no targets.</td></tr>
{{end}}</tbody>
</table>
{{else}}<p>There are no upstreams.</p>
{{end}}
</body>
</html>
`))
