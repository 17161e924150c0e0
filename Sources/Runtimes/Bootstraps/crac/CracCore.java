package com.amazonaws.services.lambda.crac;

/**
 * Where functions register what they do on both sides of a snapshot (SnapStart). They do so through `org.crac`, which they
 * bring, and which comes here because the property `org.crac.Core.Compat` says so.
 * https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-java.html
 */
public final class Core {
    private static final Context<Resource> GLOBAL = new GlobalContext();

    private Core() {}

    public static Context<Resource> getGlobalContext() {
        return GLOBAL;
    }

    /** When the snapshot is taken is the platform's to say. */
    public static void checkpointRestore() {
        throw new UnsupportedOperationException();
    }
}
