"""The pull request loop: what is proposed, believed, published, recorded and answered. `jobs/` calls it in CI."""
