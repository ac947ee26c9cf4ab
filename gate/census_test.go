package gate

import (
	"encoding/json"
	"errors"
	"testing"
)

// someStatistics has one type of every kind, in the form of Node.js 22.
const someStatistics = `{"isolate":"0x1","id":2,"time":3.5,
 "field_data":{"tagged_fields":8000,"string_data":500},
 "bucket_sizes":[32,64,128,256,512,1024,2048,1048576],
 "type_data":{
  "SEQ_ONE_BYTE_STRING_TYPE":{"overall":3320,"count":40,"histogram":[0,38,0,0,0,1,0,0]},
  "SCRIPT_SOURCE_EXTERNAL_ONE_BYTE_TYPE":{"overall":900000,"count":1,"histogram":[0,0,0,0,0,0,0,1]},
  "JS_OBJECT_TYPE":{"overall":560,"count":10,"histogram":[0,10,0,0,0,0,0,0]},
  "ARRAY_ELEMENTS_TYPE":{"overall":2200,"count":5,"histogram":[4,0,0,0,0,0,1,0]},
  "OBJECT_PROPERTY_DICTIONARY_TYPE":{"overall":3000000,"count":3,"histogram":[0,0,0,0,0,0,1,2]},
  "JS_COLLECTION_TABLE_TYPE":{"overall":400,"count":1,"histogram":[0,0,0,0,1,0,0,0]},
  "FIXED_DOUBLE_ARRAY_TYPE":{"overall":9000000,"count":1,"histogram":[0,0,0,0,0,0,0,1]},
  "HOLE_TYPE":{"overall":9000000,"count":1,"histogram":[0,0,0,0,0,0,0,1]},
  "END":{}}}`

func TestParseCensus(t *testing.T) {
	quoted, err := json.Marshal(someStatistics)
	if err != nil {
		t.Fatal(err)
	}
	want := Census{
		Objects: 62, Fields: 1000, Strings: 40,
		NameBytes:    3047, // 38 of 53 bytes, one of 1024: the sizes at which 39 come to 3320, within their buckets
		Elements:     2048 / 8,
		Dictionary:   (3000000 - 2048 - 1024) / 8, // the other in the last bucket has at least 2 kB, the one before 1 kB
		HashedValues: 400 / 8, HashedSlots: 400 / 8,
	}
	for _, text := range []string{someStatistics, string(quoted)} {
		got, err := ParseCensus([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if d := got.NameBytes - want.NameBytes; d < -500 || d > 500 {
			t.Errorf("%d bytes of names, want about %d", got.NameBytes, want.NameBytes)
		}
		got.NameBytes = want.NameBytes
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

func TestParseCensusErrors(t *testing.T) {
	for _, text := range []string{
		"", "null", "{}", `""`, `"x"`, "[]", `{"type_data":{"A":{"count":-1}}}`, `{"type_data":{"A":{"count":5,"overall":2}}}`,
		`{"type_data":{"A":{"count":5,"overall":40}},"field_data":{"tagged_fields":-80}}`,
		`{"type_data":{"A":{"count":9223372036854775807,"overall":9223372036854775807}}}`,
	} {
		if c, err := ParseCensus([]byte(text)); !errors.Is(err, ErrNoCensus) {
			t.Errorf("%s: %+v, %v", text, c, err)
		}
	}
}

func FuzzParseCensus(f *testing.F) {
	f.Add([]byte(someStatistics))
	f.Add([]byte(`{"type_data":{"STRING_TYPE":{"count":1,"overall":40,"histogram":[1]}},"bucket_sizes":[-5,0,9223372036854775807]}`))
	f.Add([]byte(`{"bucket_sizes":[64,1],"type_data":{"X":{"count":3,"overall":99,"histogram":[9223372036854775807,-4,2]}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseCensus(text)
		if err != nil {
			return
		}
		for _, n := range []int64{c.Objects, c.Fields, c.Strings, c.NameBytes, c.Elements, c.Dictionary, c.HashedValues, c.HashedSlots} {
			if n < 0 {
				t.Fatalf("%+v", c)
			}
		}
		forecast := Predict(Vitals{NodeMajor: 22, Census: &c}, Disk, nil)
		if forecast.Extra.Low < 0 || forecast.Extra.High < forecast.Extra.Likely {
			t.Fatalf("%+v of %+v", forecast, c)
		}
	})
}

// TestTablesWithinLargeObjects has one large array of records that each hold a
// small one, as most caches do. Only the space of large objects tells how large it
// is: the histogram leaves four times as much.
func TestTablesWithinLargeObjects(t *testing.T) {
	c := Census{Elements: 1_262_305, Dictionary: 90_000, HashedValues: 500}
	for large, want := range map[int64]Census{
		0:         c, // unknown
		2_322_928: {Elements: 290_366, Dictionary: 90_000, HashedValues: 500},
		4096:      {Elements: 16_384, Dictionary: 16_384, HashedValues: 500}, // in an ordinary page
	} {
		if got := c.within(large); got != want {
			t.Errorf("%d bytes: got %+v, want %+v", large, got, want)
		}
	}
	v := Vitals{NodeMajor: 22, RSS: 90e6, HeapUsed: 40e6, HeapTotal: 50e6, LargeObjects: 2_322_928, Census: &Census{Objects: 900_000, Fields: 2_600_000, Elements: 1_262_305}}
	if f := Predict(v, Disk, nil); !f.Extra.Within(397e6) {
		t.Errorf("397 MB are not within %+v", f.Extra)
	}
}
