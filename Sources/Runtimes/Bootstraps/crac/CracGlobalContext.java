package com.amazonaws.services.lambda.crac;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * All resources of the function: told in the reverse order of their registration before a snapshot, in that order after a
 * restoration. As on AWS it does not keep them alive.
 */
final class GlobalContext extends Context<Resource> {
    private final List<WeakReference<Resource>> resources = new ArrayList<WeakReference<Resource>>();

    @Override
    public synchronized void register(Resource resource) {
        for (int i = resources.size() - 1; i >= 0; i--) {
            Resource known = resources.get(i).get();
            if (known == null || known == resource) resources.remove(i);
        }
        resources.add(new WeakReference<Resource>(resource));
    }

    @Override
    public synchronized void beforeCheckpoint(Context<? extends Resource> context) throws CheckpointException {
        tellOfCheckpoint();
        // Nothing is told of the restoration that only this context knew, nor kept in memory until then.
        System.gc();
    }

    private void tellOfCheckpoint() throws CheckpointException {
        List<Throwable> thrown = new ArrayList<Throwable>();
        List<Resource> told = living();
        Collections.reverse(told);
        for (Resource resource : told) {
            try {
                resource.beforeCheckpoint(this);
            } catch (CheckpointException e) {
                Collections.addAll(thrown, e.getSuppressed());
            } catch (Exception e) {
                thrown.add(e);
            }
        }
        if (!thrown.isEmpty()) throw with(thrown, new CheckpointException());
    }

    @Override
    public synchronized void afterRestore(Context<? extends Resource> context) throws RestoreException {
        List<Throwable> thrown = new ArrayList<Throwable>();
        for (Resource resource : living()) {
            try {
                resource.afterRestore(this);
            } catch (RestoreException e) {
                Collections.addAll(thrown, e.getSuppressed());
            } catch (Exception e) {
                thrown.add(e);
            }
        }
        if (!thrown.isEmpty()) throw with(thrown, new RestoreException());
    }

    private List<Resource> living() {
        List<Resource> living = new ArrayList<Resource>();
        for (WeakReference<Resource> reference : resources) {
            Resource resource = reference.get();
            if (resource != null) living.add(resource);
        }
        return living;
    }

    private static <T extends Exception> T with(List<Throwable> thrown, T error) {
        for (Throwable each : thrown) error.addSuppressed(each);
        return error;
    }
}
