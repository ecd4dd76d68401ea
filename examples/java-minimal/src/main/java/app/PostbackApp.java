package app;

import io.github.cdkrakutenpostback.Publisher;
import io.github.cdkrakutenpostback.RakutenPostback;
import software.amazon.awscdk.App;
import software.amazon.awscdk.CfnOutput;
import software.amazon.awscdk.Environment;
import software.amazon.awscdk.Stack;
import software.amazon.awscdk.services.secretsmanager.Secret;

public final class PostbackApp {
    public static void main(final String[] args) {
        App app = new App();
        Stack stack = Stack.Builder.create(app, "RakutenPostback")
                .env(Environment.builder().region("us-east-1").build())
                .build();

        RakutenPostback postback = RakutenPostback.Builder.create(stack, "Postback")
                .publisher(Publisher.builder()
                        .sid("3900112")
                        .credentials(Secret.fromSecretNameV2(stack, "RakutenApi", "rakuten/api"))
                        .build())
                .build();

        CfnOutput.Builder.create(stack, "TableName").value(postback.getTable().getTableName()).build();
        CfnOutput.Builder.create(stack, "RegistrationStatus").value(postback.getRegistrationStatus()).build();

        app.synth();
    }

    private PostbackApp() {}
}
