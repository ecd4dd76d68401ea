package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdk-rakuten-postback/cdk-rakuten-postback-go/rakutenpostback"
)

func main() {
	defer jsii.Close()

	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("RakutenPostback"), &awscdk.StackProps{
		Env: &awscdk.Environment{Region: jsii.String("us-east-1")},
	})

	postback := rakutenpostback.NewRakutenPostback(stack, jsii.String("Postback"), &rakutenpostback.RakutenPostbackProps{
		Publisher: &rakutenpostback.Publisher{
			Sid:         jsii.String("3900112"),
			Credentials: awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String("RakutenApi"), jsii.String("rakuten/api")),
		},
	})

	awscdk.NewCfnOutput(stack, jsii.String("TableName"), &awscdk.CfnOutputProps{Value: postback.Table().TableName()})
	awscdk.NewCfnOutput(stack, jsii.String("RegistrationStatus"), &awscdk.CfnOutputProps{Value: postback.RegistrationStatus()})

	app.Synth(nil)
}
