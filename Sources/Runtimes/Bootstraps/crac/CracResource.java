package com.amazonaws.services.lambda.crac;

/** What is told of a snapshot: AWS's interface, which `org.crac` finds by its name. */
public interface Resource {
    void beforeCheckpoint(Context<? extends Resource> context) throws Exception;

    void afterRestore(Context<? extends Resource> context) throws Exception;
}
