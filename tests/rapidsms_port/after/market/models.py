from django.db import models


class Farmer(models.Model):
    contact = models.OneToOneField("rcs_router.Contact", on_delete=models.CASCADE)
    village = models.CharField(max_length=50)

    def __str__(self):
        return f"{self.contact} of {self.village}"
