from aws_cdk import App, CfnOutput, Environment, Stack
from aws_cdk.aws_secretsmanager import Secret
from cdk_rakuten_postback import Publisher, RakutenPostback

app = App()
stack = Stack(app, "RakutenPostback", env=Environment(region="us-east-1"))

postback = RakutenPostback(
    stack,
    "Postback",
    publisher=Publisher(
        sid="3900112",
        credentials=Secret.from_secret_name_v2(stack, "RakutenApi", "rakuten/api"),
    ),
)

CfnOutput(stack, "TableName", value=postback.table.table_name)
CfnOutput(stack, "RegistrationStatus", value=postback.registration_status)

app.synth()
