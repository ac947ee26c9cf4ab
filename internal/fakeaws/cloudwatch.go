package fakeaws

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

const (
	cloudWatchNamespace = "http://monitoring.amazonaws.com/doc/2010-08-01/"

	cborProtocolName = "rpc-v2-cbor"
	cborContentType  = "application/cbor"

	// maxMetricQueries is the limit of one GetMetricData.
	maxMetricQueries = 500
)

// metricRequest is a GetMetricData, whatever it was written in.
type metricRequest struct {
	queries    []metricQuery
	start, end time.Time
	ascending  bool
}

// getMetricData answers in the protocol that it is asked in, all on one page.
func (s *Server) getMetricData(r *apiRequest) (any, error) {
	read := readMetricForm
	if r.service.protocol == cborProtocol {
		read = readMetricCBOR
	}
	in, err := read(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.permit(r, nil); err != nil {
		return nil, err
	}
	if len(in.queries) == 0 || len(in.queries) > maxMetricQueries || !in.end.After(in.start) {
		return nil, &apiError{Code: "ValidationError", Message: "The parameters MetricDataQueries, StartTime and EndTime are required and must make sense."}
	}
	for i := range in.queries {
		if err := in.queries[i].check(); err != nil {
			return nil, err
		}
	}
	results := s.worldOf(r).metricData(in.queries, in.start, in.end, in.ascending)
	if r.service.protocol == cborProtocol {
		return metricCBOR(results), nil
	}
	return metricXML(results), nil
}

// readMetricForm reads the query protocol.
func readMetricForm(r *apiRequest) (in metricRequest, err error) {
	bad := &apiError{Code: "ValidationError", Message: "StartTime and EndTime must be timestamps"}
	if in.start, err = time.Parse(time.RFC3339, r.form.Get("StartTime")); err != nil {
		return in, bad
	}
	if in.end, err = time.Parse(time.RFC3339, r.form.Get("EndTime")); err != nil {
		return in, bad
	}
	in.ascending = r.form.Get("ScanBy") == "TimestampAscending"
	for i := 1; ; i++ {
		prefix := "MetricDataQueries.member." + strconv.Itoa(i) + "."
		if !r.form.Has(prefix + "Id") {
			return in, nil
		}
		in.queries = append(in.queries, readMetricQuery(r.form, prefix))
	}
}

func readMetricQuery(form url.Values, prefix string) metricQuery {
	get := func(name string) string { return form.Get(prefix + name) }
	q := metricQuery{
		id: get("Id"), label: get("Label"), expression: get("Expression"), silent: get("ReturnData") == "false",
		namespace: get("MetricStat.Metric.Namespace"), metric: get("MetricStat.Metric.MetricName"), stat: get("MetricStat.Stat"),
		dimensions: map[string]string{},
	}
	seconds, _ := strconv.Atoi(get("MetricStat.Period")) // 0 is refused later
	q.period = time.Duration(seconds) * time.Second
	for i := 1; ; i++ {
		name := "MetricStat.Metric.Dimensions.member." + strconv.Itoa(i)
		if get(name+".Name") == "" {
			return q
		}
		q.dimensions[get(name+".Name")] = get(name + ".Value")
	}
}

// readMetricCBOR reads Smithy RPC v2 CBOR.
func readMetricCBOR(r *apiRequest) (in metricRequest, err error) {
	value, err := cbor.Decode(r.body)
	if err != nil {
		return in, &apiError{Code: "SerializationException", Message: err.Error()}
	}
	body, _ := value.(cbor.Map)
	in.start, err = cbor.AsTime(body["StartTime"])
	if err == nil {
		in.end, err = cbor.AsTime(body["EndTime"])
	}
	if err != nil {
		return in, &apiError{Code: "ValidationError", Message: "StartTime and EndTime must be timestamps"}
	}
	in.ascending = cborText(body["ScanBy"]) == "TimestampAscending"
	list, _ := body["MetricDataQueries"].(cbor.List)
	for _, item := range list {
		m, _ := item.(cbor.Map)
		stat, _ := m["MetricStat"].(cbor.Map)
		metric, _ := stat["Metric"].(cbor.Map)
		q := metricQuery{
			id: cborText(m["Id"]), label: cborText(m["Label"]), expression: cborText(m["Expression"]),
			namespace: cborText(metric["Namespace"]), metric: cborText(metric["MetricName"]), stat: cborText(stat["Stat"]),
			dimensions: map[string]string{},
		}
		if returned, said := m["ReturnData"].(cbor.Bool); said {
			q.silent = !bool(returned)
		}
		seconds, _ := cbor.AsInt32(stat["Period"]) // 0 is refused later
		q.period = time.Duration(seconds) * time.Second
		dimensions, _ := metric["Dimensions"].(cbor.List)
		for _, d := range dimensions {
			pair, _ := d.(cbor.Map)
			q.dimensions[cborText(pair["Name"])] = cborText(pair["Value"])
		}
		in.queries = append(in.queries, q)
	}
	return in, nil
}

func cborText(v cbor.Value) string {
	text, _ := v.(cbor.String)
	return string(text)
}

func metricCBOR(results []metricResult) cbor.Map {
	list := cbor.List{}
	for _, r := range results {
		timestamps, values := cbor.List{}, cbor.List{}
		for i, at := range r.timestamps {
			timestamps = append(timestamps, &cbor.Tag{ID: 1, Value: cbor.Float64(at.Unix())}) // seconds since 1970
			values = append(values, cbor.Float64(r.values[i]))
		}
		list = append(list, cbor.Map{
			"Id": cbor.String(r.id), "Label": cbor.String(r.label), "Timestamps": timestamps, "Values": values,
			"StatusCode": cbor.String("Complete"),
		})
	}
	return cbor.Map{"MetricDataResults": list, "Messages": cbor.List{}}
}

// writeCBOR writes an answer of a service that speaks CBOR. Clients that knew it as a query service
// find their old error code in a header.
func writeCBOR(w http.ResponseWriter, answer any, failure *apiError) {
	w.Header().Set("Content-Type", cborContentType)
	w.Header().Set("Smithy-Protocol", cborProtocolName)
	body, _ := answer.(cbor.Map)
	if failure != nil {
		w.Header().Set("X-Amzn-Query-Error", failure.Code+";Sender")
		w.WriteHeader(failure.status())
		body = cbor.Map{"__type": cbor.String(failure.Code), "message": cbor.String(failure.Message)}
	}
	_, _ = w.Write(cbor.Encode(body)) // the client is gone if this fails
}

type getMetricDataXML struct {
	XMLName   xml.Name          `xml:"GetMetricDataResponse"`
	Namespace string            `xml:"xmlns,attr"`
	Results   []metricResultXML `xml:"GetMetricDataResult>MetricDataResults>member"`
	RequestID string            `xml:"ResponseMetadata>RequestId"`
}

type metricResultXML struct {
	ID         string    `xml:"Id"`
	Label      string    `xml:"Label"`
	Timestamps []string  `xml:"Timestamps>member"`
	Values     []float64 `xml:"Values>member"`
	Status     string    `xml:"StatusCode"`
}

func metricXML(results []metricResult) getMetricDataXML {
	out := getMetricDataXML{Namespace: cloudWatchNamespace, RequestID: newUUID()}
	for _, r := range results {
		item := metricResultXML{ID: r.id, Label: r.label, Values: r.values, Status: "Complete"}
		for _, at := range r.timestamps {
			item.Timestamps = append(item.Timestamps, at.Format(time.RFC3339))
		}
		out.Results = append(out.Results, item)
	}
	return out
}
