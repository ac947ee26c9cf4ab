package fakeaws

import "encoding/xml"

const (
	callerRole = "oncall"
	callerName = "alice"
	callerID   = "AROAFAKEAWS00EXAMPLE:alice"

	stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// callerIdentityXML is the answer of GetCallerIdentity.
type callerIdentityXML struct {
	XMLName   xml.Name `xml:"GetCallerIdentityResponse"`
	Namespace string   `xml:"xmlns,attr"`
	Arn       string   `xml:"GetCallerIdentityResult>Arn"`
	UserID    string   `xml:"GetCallerIdentityResult>UserId"`
	Account   string   `xml:"GetCallerIdentityResult>Account"`
	RequestID string   `xml:"ResponseMetadata>RequestId"`
}

// errorXML is an error answer of a query service.
type errorXML struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Namespace string   `xml:"xmlns,attr"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// ec2ErrorXML is an error answer of EC2.
type ec2ErrorXML struct {
	XMLName   xml.Name `xml:"Response"`
	Code      string   `xml:"Errors>Error>Code"`
	Message   string   `xml:"Errors>Error>Message"`
	RequestID string   `xml:"RequestID"`
}

func newErrorXML(svc service, failure *apiError) any {
	if svc.protocol == ec2Protocol {
		return ec2ErrorXML{Code: failure.Code, Message: failure.Message, RequestID: newUUID()}
	}
	return errorXML{Namespace: svc.namespace, Type: "Sender", Code: failure.Code, Message: failure.Message, RequestID: newUUID()}
}

// getCallerIdentity needs no permission: AWS answers it even to those who are denied it.
func (s *Server) getCallerIdentity(*apiRequest) (any, error) {
	return callerIdentityXML{
		Namespace: stsNamespace, Arn: s.owner(), UserID: callerID,
		Account: s.cfg.Account, RequestID: newUUID(),
	}, nil
}
