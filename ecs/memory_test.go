package ecs

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func TestMemoryLimits(t *testing.T) {
	task := func(n int64) MemoryLimit { return MemoryLimit{"the task", n << 20} }
	container := func(n int64) MemoryLimit { return MemoryLimit{"the container, by ECS", n << 20} }
	for _, c := range []struct {
		task, container *string
		want            []MemoryLimit
	}{
		{aws.String("2048"), aws.String("512"), []MemoryLimit{task(2048), container(512)}},
		{aws.String("2048"), nil, []MemoryLimit{task(2048)}},
		{nil, aws.String("512"), []MemoryLimit{container(512)}},
		{aws.String("0"), aws.String(""), nil},
		{aws.String("-1"), aws.String("0.5 GB"), nil},
	} {
		target := Target{Container: "api", task: ecstypes.Task{
			Memory: c.task,
			Containers: []ecstypes.Container{
				{Name: aws.String("proxy"), Memory: aws.String("64")},
				{Name: aws.String("api"), Memory: c.container},
			},
		}}
		if got := target.MemoryLimits(); !slices.Equal(got, c.want) {
			t.Errorf("%s, %s: got %v, want %v", aws.ToString(c.task), aws.ToString(c.container), got, c.want)
		}
	}
}
