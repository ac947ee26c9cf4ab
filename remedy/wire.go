package remedy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// readOnly are the fields of a task definition that RegisterTaskDefinition does not
// take (ECS API reference, both pages).
var readOnly = []string{
	"taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt", "registeredBy", "deregisteredAt", "deleteRequestedAt",
}

// document is a task definition in the API's JSON, as RegisterTaskDefinition takes
// it. The SDK's types have no JSON names; those of the API differ from them in the
// first letter alone.
func document(d ecstypes.TaskDefinition) (map[string]any, error) {
	value, ok := wire(reflect.ValueOf(d)).(map[string]any)
	if !ok {
		return map[string]any{}, nil
	}
	for _, name := range readOnly {
		delete(value, name)
	}
	text, err := json.Marshal(value) // so that it is as encoding/json decodes it
	if err != nil {
		return nil, fmt.Errorf("writing the task definition: %w", err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("reading the task definition: %w", err)
	}
	return out, nil
}

// wire turns a value of the SDK into what encoding/json writes as the API does. What
// is not set is nil, and left out of objects.
func wire(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		if _, ok := v.Interface().(*time.Time); ok {
			return nil // only what RegisterTaskDefinition does not take has times
		}
		return pointed(v)
	case reflect.Struct:
		return object(v)
	case reflect.Slice:
		if v.IsNil() {
			return nil
		}
		out := make([]any, v.Len())
		for i := range out {
			out[i] = wire(v.Index(i))
		}
		return out
	case reflect.Map:
		if v.Len() == 0 {
			return nil
		}
		out := map[string]any{}
		for _, k := range v.MapKeys() {
			out[k.String()] = wire(v.MapIndex(k))
		}
		return out
	case reflect.String:
		if v.Len() == 0 {
			return nil
		}
		return v.String()
	}
	if v.IsZero() { // a number or a flag without a pointer: what is not set
		return nil
	}
	return v.Interface()
}

// pointed is what a pointer leads to; a pointer that is set says even zero and "".
func pointed(v reflect.Value) any {
	if e := v.Elem(); e.Kind() != reflect.Struct {
		return e.Interface()
	}
	return wire(v.Elem())
}

func object(v reflect.Value) map[string]any {
	out := map[string]any{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		if value := wire(v.Field(i)); value != nil {
			out[strings.ToLower(field.Name[:1])+field.Name[1:]] = value
		}
	}
	return out
}
