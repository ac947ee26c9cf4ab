package iampolicies

import "strings"

// partitions are those other than aws, by how the names of their regions begin,
// with the domain of their services: partitions.json of the AWS SDKs.
var partitions = []struct{ prefix, name, domain string }{
	{"cn-", "aws-cn", "amazonaws.com.cn"},
	{"us-gov-", "aws-us-gov", "amazonaws.com"},
	{"us-iso-", "aws-iso", "c2s.ic.gov"},
	{"us-isob-", "aws-iso-b", "sc2s.sgov.gov"},
	{"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"},
	{"us-isof-", "aws-iso-f", "csp.hci.ic.gov"},
	{"eusc-", "aws-eusc", "amazonaws.eu"},
}

// usualDomain is that of the services in partition aws.
const usualDomain = "amazonaws.com"

// Partition returns the partition of a region, which its ARNs begin with: "aws",
// "aws-cn", "aws-us-gov" and so on.
func Partition(region string) string {
	name, _ := partitionOf(region)
	return name
}

func partitionOf(region string) (name, domain string) {
	for _, p := range partitions {
		if strings.HasPrefix(region, p.prefix) {
			return p.name, p.domain
		}
	}
	return "aws", usualDomain
}
