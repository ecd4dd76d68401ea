module rakuten-postback-minimal

go 1.25

require (
	github.com/aws/aws-cdk-go/awscdk/v2 v2.276.0
	github.com/aws/jsii-runtime-go v1.140.0
	github.com/cdk-rakuten-postback/cdk-rakuten-postback-go/rakutenpostback v0.1.0
)
